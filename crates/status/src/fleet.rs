//! What several proxies share.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What the proxy shares with others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fleet {
    /// Whether the store can be asked: `up` or `down`.
    pub store: Cow<'static, str>,
}

impl Fleet {
    /// The store can be asked, or not.
    #[must_use]
    pub const fn of(is_up: bool) -> Self {
        let store = Cow::Borrowed(if is_up { "up" } else { "down" });
        Self { store }
    }

    /// Whether the store can't be asked.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.store == "down"
    }
}
