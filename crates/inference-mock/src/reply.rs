//! The type of every answer.

use bytes::Bytes;
use http::Response;
use http_body_util::{Either, Full};

use crate::events::Events;

/// A whole body, or events as they come.
pub(crate) type Reply = Response<Either<Full<Bytes>, Events>>;
