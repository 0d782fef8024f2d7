//! What the configuration says of the store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use switchyard_config::{Fleet, StoreAddress};

/// Where the store is, and how it is used.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) address: StoreAddress,
    /// The address, as messages show it.
    shown: Arc<str>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) prefix: String,
    /// The longest that a call for a request takes.
    pub(crate) timeout: Duration,
}

impl Options {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        Self {
            shown: fleet.store.to_string().into(),
            address: fleet.store.clone(),
            password_file: fleet.password_file.clone(),
            prefix: fleet.prefix.clone(),
            timeout: fleet.timeout,
        }
    }

    pub(crate) const fn shown(&self) -> &Arc<str> {
        &self.shown
    }
}
