use crate::{Error, Row, Statement, Value, postgres, sqlite};

/// A body's way to the engine.
pub(crate) enum Session {
    Sqlite(sqlite::Session),
    Postgres(postgres::Session),
}

/// What to do with each row of an answer; `false` stops.
pub(crate) type Each<'e> = &'e mut dyn FnMut(&Row<'_>) -> Result<bool, Error>;

impl Session {
    /// The failure of a statement in this transaction, if one failed.
    pub(crate) fn failed(&self) -> Option<Error> {
        match self {
            Self::Sqlite(session) => session.failed(),
            Self::Postgres(session) => session.failed(),
        }
    }

    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        params: &[Value],
    ) -> Result<u64, Error> {
        match self {
            Self::Sqlite(session) => session.execute(statement, params),
            Self::Postgres(session) => {
                session.call(postgres::Call::plain(statement, params)).await.map(|reply| reply.changed)
            }
        }
    }

    pub(crate) async fn execute_rows<R: AsRef<[Value]>>(
        &mut self,
        statement: &'static Statement,
        fixed: &[Value],
        rows: &[R],
    ) -> Result<u64, Error> {
        match self {
            Self::Sqlite(session) => session.execute_rows(statement, fixed, rows),
            Self::Postgres(session) => {
                session.call(postgres::Call::rows(statement, fixed, rows)?).await.map(|reply| reply.changed)
            }
        }
    }

    pub(crate) async fn query(
        &mut self,
        statement: &'static Statement,
        params: &[Value],
        each: Each<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(session) => session.query(statement, params, each),
            Self::Postgres(session) => feed(session, postgres::Call::plain(statement, params), each).await,
        }
    }

    /// `params` are the fixed ones, then the values of the list.
    pub(crate) async fn query_in(
        &mut self,
        statement: &'static Statement,
        mut params: Vec<Value>,
        fixed: usize,
        each: Each<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(session) => session.query_in(statement, params, fixed, each),
            Self::Postgres(session) => {
                let values = params.split_off(fixed);
                feed(session, postgres::Call::values(statement, &params, values)?, each).await
            }
        }
    }

    pub(crate) async fn query_rows<R: AsRef<[Value]>>(
        &mut self,
        statement: &'static Statement,
        fixed: &[Value],
        rows: &[R],
        each: Each<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(session) => session.query_rows(statement, fixed, rows, each),
            Self::Postgres(session) => {
                feed(session, postgres::Call::rows(statement, fixed, rows)?, each).await
            }
        }
    }

    pub(crate) async fn query_row(
        &mut self,
        statement: &'static Statement,
        fixed: &[Value],
        row: &[Value],
        each: Each<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(session) => session.query_rows(statement, fixed, &[row], each),
            Self::Postgres(session) => feed(session, postgres::Call::row(statement, fixed, row)?, each).await,
        }
    }
}

async fn feed(session: &mut postgres::Session, call: postgres::Call, each: Each<'_>) -> Result<(), Error> {
    for row in &session.call(call).await?.rows {
        if !each(&Row::postgres(row))? {
            break;
        }
    }
    Ok(())
}

impl From<sqlite::Session> for Session {
    fn from(session: sqlite::Session) -> Self {
        Self::Sqlite(session)
    }
}

impl From<postgres::Session> for Session {
    fn from(session: postgres::Session) -> Self {
        Self::Postgres(session)
    }
}
