//! `routes[].errors.shape`: the JSON of errors.

use serde::{Serialize, Serializer};
use std::str::FromStr;
use thiserror::Error;

/// The JSON of an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorShape {
    /// As of charges.
    #[default]
    Switchyard,
    /// As of `OpenAI`'s API.
    OpenAi,
}

impl ErrorShape {
    /// Every value that the file may have.
    pub const ALL: [Self; 2] = [Self::Switchyard, Self::OpenAi];

    /// The name that the file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switchyard => "switchyard",
            Self::OpenAi => "openai",
        }
    }
}

impl Serialize for ErrorShape {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// The word names no shape of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a shape of errors: write switchyard or openai")]
pub struct UnknownErrorShape;

impl FromStr for ErrorShape {
    type Err = UnknownErrorShape;

    fn from_str(text: &str) -> Result<Self, UnknownErrorShape> {
        let mut known = Self::ALL.into_iter();
        let known = known.find(|shape| shape.name() == text);
        known.ok_or(UnknownErrorShape)
    }
}
