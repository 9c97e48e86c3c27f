//! What a load costs on a PostgreSQL server and on this side of it.

use anyhow::Context;

use crate::ground::{Database, connect};
use crate::load::Measured;
use crate::report::Report;
use crate::usage::CpuMeter;

/// What was used during a load.
pub(crate) struct Used {
    /// Microseconds of this process, the load included.
    here_us: f64,
    /// Microseconds of the server's processes, if they can be seen.
    server_us: Option<f64>,
    /// Bytes of the server's log.
    log_bytes: f64,
}

/// Runs a load and looks what it uses. All figures are for each request that was done.
pub(crate) async fn watch(
    database: &Database,
    load: impl Future<Output = anyhow::Result<Measured>>,
) -> anyhow::Result<(Measured, Used)> {
    let client = connect(database.url()).await?;
    let written = async || {
        let row = client.query_one("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8", &[]).await;
        row.context("the server's log")?.try_get::<_, f64>(0).context("the server's log")
    };
    let before = written().await?;
    let here = CpuMeter::start(std::process::id());
    let server = database.server().pid().map(CpuMeter::of_family);
    let measured = load.await?;
    let used = Used {
        here_us: here.us_each(measured.done),
        server_us: server.map(|server| server.us_each(measured.done)),
        log_bytes: (written().await? - before) / measured.done.max(1) as f64,
    };
    Ok((measured, used))
}

impl Used {
    /// Adds the figures.
    pub(crate) fn report(&self, scenario: &'static str, what: &str, report: &mut Report) {
        report.add(scenario, format!("{what}, CPU of this process"), self.here_us, "us");
        if let Some(server_us) = self.server_us {
            report.add(scenario, format!("{what}, CPU of the server"), server_us, "us");
        }
        report.add(scenario, format!("{what}, log of the server"), self.log_bytes, "bytes");
    }
}
