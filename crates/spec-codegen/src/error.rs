//! Why a specification was refused.

/// Why a specification was refused: which thing in it, and what is wrong with that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct SpecError {
    place: String,
    reason: String,
}

impl SpecError {
    pub(crate) fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        SpecError {
            place: place.into(),
            reason: reason.into(),
        }
    }
}
