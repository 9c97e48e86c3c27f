use super::copy::copy;
use super::end::End;
use super::fresh::refuse_unless_fresh;
use super::mark::{Mark, Start, State};
use super::table::{Table, in_order};
use super::verify::verify;
use super::{Compared, Error, House, Move, Outcome, Progress};
use crate::migration::pending;

/// The houses that move, each with its tables in the order they are copied in.
pub(super) type Cargo = Vec<(House, Vec<Table>)>;

/// Told after each page.
pub(super) type Tell<'t> = Box<dyn FnMut(&Progress) + 't>;

/// A move between two ends.
pub(super) struct Passage<'p, F, T> {
    from: F,
    to: T,
    plan: &'p Move,
    tell: Tell<'p>,
}

impl<'p, F: End, T: End> Passage<'p, F, T> {
    pub(super) fn new(from: F, to: T, plan: &'p Move, tell: Tell<'p>) -> Self {
        Self { from, to, plan, tell }
    }

    /// Moves, whatever an earlier run has done of it.
    pub(super) async fn run(mut self) -> Result<Outcome, Error> {
        let all = &self.plan.houses;
        if self.from.place() == self.to.place() {
            return Err(Error::SamePlace { place: self.from.place().to_owned() });
        }
        let houses = self.houses().await?;
        self.from.hold(all).await?;
        self.to.hold(all).await?;
        let (from, to) = (self.from.mark(all).await?, self.to.mark(all).await?);
        let start = Start::of(from.as_ref(), self.from.place(), to.as_ref(), self.to.place())?;
        let id = match start {
            Start::Over => return self.over(&houses, from).await,
            Start::Finish => {
                self.finish(&houses).await?;
                return Ok(Outcome::Already);
            }
            Start::Resume(id) => id,
            Start::Afresh(id) => self.begin(&houses, id, true).await?,
            Start::Again(id) => self.begin(&houses, id, false).await?,
        };
        let cargo = self.make_ready(&houses, &id).await?;
        copy(&mut self.from, &mut self.to, &cargo, &id, &mut self.tell).await?;
        let compared = verify(&mut self.from, &mut self.to, &cargo, &mut self.tell).await?;
        if !compared.iter().all(Compared::is_same) {
            // The shop stays; what arrived is copied anew by the next run.
            self.from.set_mark(&houses, None).await?;
            return Err(Error::Differs(compared));
        }
        let left = Mark { id, state: State::Left, other: self.to.place().to_owned() };
        self.from.set_mark(&houses, Some(&left)).await?;
        self.finish(&houses).await?;
        Ok(Outcome::Moved(compared))
    }

    /// The houses that are in the source, up to date.
    async fn houses(&mut self) -> Result<Vec<House>, Error> {
        let mut houses = Vec::new();
        for house in &self.plan.houses {
            let Some(applied) = self.from.applied(house).await? else { continue };
            if !pending(house.name, house.migrations, &applied)?.is_empty() {
                return Err(Error::Behind { house: house.name, place: self.from.place().to_owned() });
            }
            houses.push(*house);
        }
        if houses.is_empty() {
            return Err(Error::Nothing { place: self.from.place().to_owned() });
        }
        Ok(houses)
    }

    /// The source says that all has arrived. If the target does not hold it, that was another target of that name.
    async fn over(&mut self, houses: &[House], mark: Option<Mark>) -> Result<Outcome, Error> {
        for house in houses {
            if let (None, Some(mark)) = (self.to.applied(house).await?, &mark) {
                return Err(mark.refusal(self.from.place()).into());
            }
        }
        Ok(Outcome::Already)
    }

    /// Marks both places, the source first: nobody sells there any more. `id` is that of a source which is marked
    /// already. What cannot be begun leaves no mark.
    async fn begin(&mut self, houses: &[House], id: Option<String>, fresh: bool) -> Result<String, Error> {
        if fresh {
            refuse_unless_fresh(&mut self.to, houses, &self.plan.env).await?;
        }
        let marked = id.is_some();
        let id = id.unwrap_or_else(|| draw_id(self.plan));
        let begun = self.set_marks(houses, &id, marked, fresh).await;
        if begun.is_err() {
            if fresh && let Err(error) = self.to.set_mark(houses, None).await {
                tracing::warn!(%error, place = self.to.place(), "the mark of a move that did not begin stays");
            }
            if !marked && let Err(error) = self.from.set_mark(houses, None).await {
                tracing::warn!(%error, place = self.from.place(), "the mark of a move that did not begin stays");
            }
        }
        begun.map(|()| id)
    }

    async fn set_marks(
        &mut self,
        houses: &[House],
        id: &str,
        marked: bool,
        fresh: bool,
    ) -> Result<(), Error> {
        let mark = |state, other: &str| Mark { id: id.to_owned(), state, other: other.to_owned() };
        if !marked {
            let leaving = mark(State::Leaving, self.to.place());
            self.from.set_mark(houses, Some(&leaving)).await?;
            self.from.hold(&self.plan.houses).await?;
        }
        let arriving = mark(State::Arriving, self.from.place());
        self.to.set_mark(houses, Some(&arriving)).await?;
        self.to.hold(&self.plan.houses).await?;
        if fresh {
            // Somebody may have come and gone before the mark was there.
            refuse_unless_fresh(&mut self.to, houses, &self.plan.env).await?;
        }
        Ok(())
    }

    /// Makes the tables of the target, empties them if this move has not put anything there yet, and holds them against
    /// those of the source.
    async fn make_ready(&mut self, houses: &[House], id: &str) -> Result<Cargo, Error> {
        let mut cargo = Vec::new();
        for house in houses {
            self.to.migrate(house).await?;
            let tables = in_order(self.to.tables(house).await?)?;
            let found = in_order(self.from.tables(house).await?)?;
            if let Some(odd) = odd_one(&tables, &found) {
                let (from, to) = (self.from.place(), self.to.place());
                let what = format!("{odd} of {} is not the same in {from} and in {to}", house.name);
                return Err(Error::Shape(what));
            }
            if self.to.progress(house, id).await?.is_none() {
                self.to.prepare(house, &tables, id).await?;
            }
            cargo.push((*house, tables));
        }
        Ok(cargo)
    }

    /// Leaves the target as if the data had always been there.
    async fn finish(&mut self, houses: &[House]) -> Result<(), Error> {
        for house in houses {
            let tables = self.to.tables(house).await?;
            self.to.settle(house, &tables).await?;
        }
        self.to.set_mark(houses, None).await
    }
}

/// The name of a table that is on one side only, or not the same on both.
fn odd_one<'t>(tables: &'t [Table], found: &'t [Table]) -> Option<&'t str> {
    let both = [(tables, found), (found, tables)];
    both.into_iter()
        .flat_map(|(these, those)| these.iter().filter(|table| !those.contains(table)))
        .map(|table| table.name.as_str())
        .next()
}

fn draw_id(plan: &Move) -> String {
    plan.env.rng().token()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
