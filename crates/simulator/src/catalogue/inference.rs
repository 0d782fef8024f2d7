//! A fleet of inference servers: a request is a load until its answer, a stream of tokens, has ended, and a server works on
//! all of its requests at once, each of which is then slower.
//!
//! Ten equal servers, 40 requests/s. A request takes 6 s by itself on average; most are short and a few very long. With 64
//! under way a server needs twice as long for each, so about 38 are under way, and a request takes 9.6 s. The gauge shows
//! what is running and what waits, and each request says that its load ends with its answer.

use std::time::Duration;

use switchyard_balance::Lasts;

use super::{one_proxy, proxies};
use crate::scenario::{Poll, Scenario, Sessions, Spread};

/// The fleet behind 1, 4 and 16 proxies.
pub(super) fn inference() -> Vec<Scenario> {
    let base = Scenario {
        rate: 40.0,
        sessions: Sessions {
            mean: Duration::from_secs(6),
            spread: Spread::LongTailed,
        },
        lasts: Lasts::Answer,
        is_said: true,
        slows_at: Some(64.0),
        // Until the long answers are as many as end.
        warm_up: Duration::from_mins(3),
        measured: Duration::from_mins(3),
        ..one_proxy()
    };
    let slow = Scenario {
        poll: Poll {
            interval: Duration::from_secs(5),
            ..base.poll
        },
        ..base.clone()
    };
    vec![
        Scenario {
            name: "inference",
            about: "1 proxy, 10 inference servers",
            ..base.clone()
        },
        Scenario {
            name: "inference_past",
            about: "1 proxy, 10 inference servers, a tenth of the requests past it",
            past: 0.1,
            ..base.clone()
        },
        Scenario {
            name: "inference_of_four",
            about: "4 proxies, 10 inference servers",
            ..proxies(&base, 4)
        },
        Scenario {
            name: "inference_of_sixteen",
            about: "16 proxies, 10 inference servers",
            ..proxies(&base, 16)
        },
        Scenario {
            name: "inference_slow_poll",
            about: "1 proxy, 10 inference servers, poll 5 s",
            ..slow.clone()
        },
        Scenario {
            name: "inference_slow_poll_of_four",
            about: "4 proxies, 10 inference servers, poll 5 s",
            ..proxies(&slow, 4)
        },
        Scenario {
            name: "inference_slow_poll_of_sixteen",
            about: "16 proxies, 10 inference servers, poll 5 s",
            ..proxies(&slow, 16)
        },
    ]
}
