//! What the proxy shows the store.

use std::io;

use switchyard_bounded::file;

use crate::{ErrorKind, StoreError, credentials::Credentials, options::Options};

/// The largest file, in bytes.
const LARGEST: usize = 4 << 10;

/// Reads `fleet.password_file`. Called for each connection, so that a new password counts from the next one on:
/// that is when the store asks for it.
pub(crate) async fn read(options: &Options) -> Result<Option<Credentials>, StoreError> {
    let Some(path) = options.password_file.clone() else {
        return Ok(None);
    };
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || file::read_text(&path, LARGEST));
    let text = read.await.map_err(io::Error::other).flatten();
    let parsed = text
        .map_err(|error| format!("cannot be read: {error}"))
        .and_then(|text| Credentials::parse(&text).map_err(str::to_owned));
    parsed.map(Some).map_err(|rule| {
        let what = format!("gets no password, since fleet.password_file ({shown}) {rule}");
        StoreError::new(ErrorKind::Denied, options.shown(), what)
    })
}
