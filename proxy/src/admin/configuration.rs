//! The configuration in force: `GET /config`, and `POST /reload` to change it.

use std::{ops::Deref, sync::Arc};

use http::{HeaderMap, Method, Response};
use serde::{Serialize, Serializer};

use super::{Admin, commands::METHODS, failure, json};
use switchyard_config::Config;
use switchyard_status::Reload;
use switchyard_wire::{Code, Failure};

use crate::runtime::Runtime;

/// The status of a refused reload: the file is not a valid configuration.
const UNPROCESSABLE: u16 = 422;

/// The answer of `/config`.
#[derive(Debug, Serialize)]
pub(super) struct InForce {
    /// The number of the configuration in force, from 1.
    version: u64,
    since_unix_seconds: f64,
    /// Null before the first reload.
    last_reload: Option<Reload>,
    #[serde(flatten, serialize_with = "inner")]
    config: Arc<Config>,
}

fn inner<S: Serializer>(config: &Arc<Config>, to: S) -> Result<S::Ok, S::Error> {
    config.deref().serialize(to)
}

impl InForce {
    pub(super) fn of(runtime: &Runtime) -> Self {
        let now = runtime.now();
        Self {
            version: now.version,
            since_unix_seconds: now.grid.clock().unix_seconds(now.since),
            last_reload: runtime.last_reload(),
            config: Arc::clone(&now.config),
        }
    }
}

impl Admin {
    /// Reads the configuration file again.
    pub(super) async fn reload(&self, method: &Method, headers: &HeaderMap) -> Response<Vec<u8>> {
        if method != Method::POST {
            return failure(&Failure::method_not_allowed("/reload", method, METHODS));
        }
        if let Some(refused) = self.cross_site(headers) {
            return failure(&refused);
        }
        match self.reloads.reload().await {
            Some(reload) if reload.success => json(200, &reload),
            Some(reload) => json(UNPROCESSABLE, &reload),
            None => {
                let message = "this process is stopping and reloads no more";
                failure(&Failure::new(Code::Overloaded, message))
            }
        }
    }
}
