use shoal_contract::notifications::Error;
use shoal_types::Fault;

/// What the body of a transaction fails with: an error of the contract, to which what the engine says is turned.
#[derive(Debug)]
pub(crate) struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self(fault.into())
    }
}

impl From<shoal_sql::Error> for Failure {
    fn from(error: shoal_sql::Error) -> Self {
        Self(Fault::from(error).into())
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}
