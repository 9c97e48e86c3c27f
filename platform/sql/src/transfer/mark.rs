use crate::Error;

/// The sign that a move leaves in a place: whoever would open the data there is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The move: both of its places bear the same.
    pub(crate) id: String,
    pub(crate) state: State,
    /// The move's other place.
    pub(crate) other: String,
}

/// What is going on in a place with a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its data is being copied elsewhere.
    Leaving,
    /// Data is being copied here.
    Arriving,
    /// Its data was moved elsewhere; what is here is the copy that stays behind.
    Left,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Leaving => "leaving",
            Self::Arriving => "arriving",
            Self::Left => "left",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Leaving, Self::Arriving, Self::Left].into_iter().find(|state| state.as_str() == word)
    }
}

impl Mark {
    /// Three lines: the state, the move, the other place.
    pub(crate) fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.state.as_str(), self.id, self.other)
    }

    /// What [`Mark::to_text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix('\n')?.splitn(3, '\n');
        let state = State::parse(parts.next()?)?;
        Some(Self { id: parts.next()?.to_owned(), state, other: parts.next()?.to_owned() })
    }

    /// What is told to whoever would open the data in `place`.
    pub(crate) fn refusal(&self, place: &str) -> Error {
        let (place, other) = (place.to_owned(), self.other.clone());
        match self.state {
            State::Leaving => Error::Moving { place, to: other },
            State::Arriving => Error::Incomplete { place, from: other },
            State::Left => Error::Moved { place, to: other },
        }
    }
}

/// How a move goes on from the marks in its two places.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// From the beginning, into an empty place. The source bears this mark already, if any.
    Afresh(Option<String>),
    /// From the beginning, over what an earlier move of this source has left, which was given up.
    Again(Option<String>),
    /// Where it stopped.
    Resume(String),
    /// With its last step: the source is marked as left already.
    Finish,
    /// It is over, if the target holds data.
    Over,
}

impl Start {
    /// Decides by the marks in the source `from` and the target `to`.
    ///
    /// # Errors
    /// `Moving`, `Incomplete`, `Moved` if a mark is that of another move.
    pub(super) fn of(
        from: Option<&Mark>,
        from_place: &str,
        to: Option<&Mark>,
        to_place: &str,
    ) -> Result<Self, Error> {
        let id = match from {
            None => None,
            Some(mark) if mark.state == State::Arriving || mark.other != to_place => {
                return Err(mark.refusal(from_place));
            }
            Some(mark) if mark.state == State::Left => {
                return match to {
                    Some(arriving) if arriving.id == mark.id => Ok(Self::Finish),
                    Some(other) => Err(other.refusal(to_place)),
                    None => Ok(Self::Over),
                };
            }
            Some(mark) => Some(mark.id.clone()),
        };
        match (to, id) {
            (None, id) => Ok(Self::Afresh(id)),
            (Some(mark), _) if mark.state != State::Arriving => Err(mark.refusal(to_place)),
            (Some(mark), Some(id)) if mark.id == id => Ok(Self::Resume(id)),
            (Some(mark), id) if mark.other == from_place => Ok(Self::Again(id)),
            (Some(mark), _) => Err(mark.refusal(to_place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: &str, state: State, other: &str) -> Mark {
        Mark { id: id.to_owned(), state, other: other.to_owned() }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for state in [State::Leaving, State::Arriving, State::Left] {
            let mark = mark("0a", state, "/a\nstrange place");
            assert_eq!(Mark::parse(&mark.to_text()), Some(mark));
        }
        for wrong in ["", "leaving\n", "leaving\n0a", "gone\n0a\n/b\n", "left\n0a\n/b"] {
            assert_eq!(Mark::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_move_goes_on_where_its_marks_say() {
        use State::{Arriving, Leaving, Left};
        let start = |from: Option<Mark>, to: Option<Mark>| Start::of(from.as_ref(), "A", to.as_ref(), "B");
        let id = |id: &str| Some(id.to_owned());
        assert_eq!(start(None, None), Ok(Start::Afresh(None)));
        assert_eq!(start(Some(mark("1", Leaving, "B")), None), Ok(Start::Afresh(id("1"))));
        let both = (Some(mark("1", Leaving, "B")), Some(mark("1", Arriving, "A")));
        assert_eq!(start(both.0, both.1), Ok(Start::Resume("1".into())));
        let given_up = Some(mark("0", Arriving, "A"));
        assert_eq!(start(Some(mark("1", Leaving, "B")), given_up.clone()), Ok(Start::Again(id("1"))));
        assert_eq!(start(None, given_up), Ok(Start::Again(None)));
        let last = (Some(mark("1", Left, "B")), Some(mark("1", Arriving, "A")));
        assert_eq!(start(last.0, last.1), Ok(Start::Finish));
        assert_eq!(start(Some(mark("1", Left, "B")), None), Ok(Start::Over));
    }

    #[test]
    fn marks_of_other_moves_are_in_the_way() {
        use State::{Arriving, Leaving, Left};
        let start = |from: Option<Mark>, to: Option<Mark>| Start::of(from.as_ref(), "A", to.as_ref(), "B");
        let refused = |from, to| start(from, to).expect_err("it is refused").to_string();
        assert!(refused(Some(mark("1", Leaving, "C")), None).starts_with("the data in A is on its way to C"));
        assert!(refused(Some(mark("1", Left, "C")), None).starts_with("the data in A was moved to C"));
        assert!(refused(Some(mark("1", Arriving, "B")), None).starts_with("the data in A is not complete"));
        for state in [Leaving, Left] {
            assert!(refused(None, Some(mark("1", state, "A"))).starts_with("the data in B"));
        }
        let elsewhere = Some(mark("1", Arriving, "C"));
        assert!(refused(None, elsewhere.clone()).starts_with("the data in B is not complete"));
        assert!(refused(Some(mark("2", Leaving, "B")), elsewhere.clone()).contains("from C"));
        assert!(refused(Some(mark("2", Left, "B")), elsewhere).contains("from C"));
    }
}
