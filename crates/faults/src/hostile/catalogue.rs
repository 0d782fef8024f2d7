//! The known attacks by name, as `make attack` and the end-to-end tests run them.

use std::time::Duration;

use super::{Attack, http1, http2, tls};

/// Those on a port that speaks HTTP/1.1.
pub const OVER_HTTP1: [&str; 11] = [
    "idle",
    "unfinished-head",
    "unfinished-fields",
    "slow-head",
    "endless-head",
    "many-fields",
    "too-many-fields",
    "unfinished-body",
    "slow-body",
    "tiny-chunks",
    "slow-reader",
];

/// Those on a port that speaks HTTP/2 in clear text.
pub const OVER_HTTP2: [&str; 12] = [
    "settings",
    "ping",
    "ping-unread",
    "priority",
    "window-update",
    "unknown",
    "empty-data",
    "continuation",
    "hpack-bomb",
    "rapid-reset",
    "closed-window",
    "unfinished-bodies",
];

/// Those on a port that speaks TLS.
pub const OVER_TLS: [&str; 4] = [
    "tls-half-hello",
    "tls-hello-only",
    "tls-slow-hello",
    "tls-endless-hello",
];

/// The attack of this name, if there is one.
#[must_use]
pub fn attack(name: &str) -> Option<Attack> {
    let (often, seldom) = (Duration::from_millis(10), Duration::from_millis(200));
    Some(match name {
        "idle" => http1::idle(),
        "unfinished-head" => http1::unfinished_head(1_000_000),
        "unfinished-fields" => http1::unfinished_modest_head(14_000),
        "slow-head" => http1::slow_head(seldom),
        "endless-head" => http1::endless_head(seldom),
        "many-fields" => http1::many_fields(60, often),
        "too-many-fields" => http1::many_fields(120, often),
        "unfinished-body" => http1::unfinished_body(60_000),
        "slow-body" => http1::slow_body(10_000, seldom),
        "tiny-chunks" => http1::tiny_chunks(often),
        "slow-reader" => http1::slow_reader(often),
        "settings" => http2::settings_flood(often),
        "ping" => http2::ping_flood(often),
        "ping-unread" => http2::ping_flood(often).unread(),
        "priority" => http2::priority_flood(often),
        "window-update" => http2::window_update_flood(often),
        "unknown" => http2::unknown_flood(often),
        "empty-data" => http2::empty_data_flood(often),
        "continuation" => http2::continuation_flood(100, often),
        "hpack-bomb" => http2::hpack_bomb(4_000, often),
        "rapid-reset" => http2::rapid_reset(often),
        "closed-window" => http2::closed_window(100),
        "unfinished-bodies" => http2::unfinished_bodies(100),
        "tls-half-hello" => tls::half_hello(),
        "tls-hello-only" => tls::hello_only(),
        "tls-slow-hello" => tls::slow_hello(seldom),
        "tls-endless-hello" => tls::endless_hello(often),
        _ => return None,
    })
}
