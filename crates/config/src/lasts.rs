//! `charge.lasts` and `routes[].lasts`: how long a load lasts.

use serde::{Serialize, Serializer};
use std::str::FromStr;
use switchyard_balance as balance;
use thiserror::Error;

/// How long the load of a charge lasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lasts {
    /// As the gauges show: the proxy learns it.
    #[default]
    Auto,
    /// As configured.
    Fixed(balance::Lasts),
}

impl Lasts {
    /// Every value that the file may have.
    pub const ALL: [Self; 3] = [
        Self::Fixed(balance::Lasts::Session),
        Self::Fixed(balance::Lasts::Answer),
        Self::Auto,
    ];

    /// As configured, if it is.
    #[must_use]
    pub const fn fixed(self) -> Option<balance::Lasts> {
        match self {
            Self::Auto => None,
            Self::Fixed(lasts) => Some(lasts),
        }
    }

    /// The name that the file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fixed(lasts) => lasts.name(),
        }
    }
}

impl Serialize for Lasts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The word does not say how long a load lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "does not say how long a load lasts: write session (it outlives the answer), answer (it ends with the answer) or auto (the proxy learns it from the gauges)"
)]
pub struct UnknownLasts;

impl FromStr for Lasts {
    type Err = UnknownLasts;

    fn from_str(text: &str) -> Result<Self, UnknownLasts> {
        let mut known = Self::ALL.into_iter();
        known.find(|lasts| lasts.name() == text).ok_or(UnknownLasts)
    }
}

/// How long the load of a request lasts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RouteLasts {
    /// It outlives the answer.
    Session,
    /// It ends with the answer.
    #[default]
    Answer,
    /// It ends with the connection, where the answer makes that the request's own.
    Connection,
}

impl RouteLasts {
    /// Every value that the file may have.
    pub const ALL: [Self; 3] = [Self::Session, Self::Answer, Self::Connection];

    /// The name that the file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Answer => "answer",
            Self::Connection => "connection",
        }
    }
}

impl Serialize for RouteLasts {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// The word does not say how long a load lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "does not say how long the load of a request lasts: write answer (it ends with the answer), connection (it ends with the connection, as a WebSocket's does) or session (it outlives the answer)"
)]
pub struct UnknownRouteLasts;

impl FromStr for RouteLasts {
    type Err = UnknownRouteLasts;

    fn from_str(text: &str) -> Result<Self, UnknownRouteLasts> {
        let mut known = Self::ALL.into_iter();
        let known = known.find(|lasts| lasts.name() == text);
        known.ok_or(UnknownRouteLasts)
    }
}
