//! What the tests of commands that look at a page share: the page, and what a command said of it.

use std::process::Output;

use switchyard_faults::{Act, Scripted, fault};

/// The exit code, and what was said on both streams.
pub(crate) fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A server that answers each request with this page.
pub(crate) fn served(page: &str) -> Scripted {
    let answer = fault::page(page);
    Scripted::start(move |_| Act::Write(answer.clone()))
}
