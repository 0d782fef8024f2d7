//! Leaves out the addresses that a source may not give, and says so once.

use std::{collections::BTreeSet, fmt, net::SocketAddr};

use tracing::warn;

use switchyard_config::{self as config, LeftOut, Network};
use switchyard_target_groups::Found;

/// What a source may give.
#[derive(Debug)]
pub(super) struct Gate {
    rules: config::Discovery,
    /// What was left out of the last answer, and has been logged.
    logged: BTreeSet<SocketAddr>,
}

/// An answer of which nothing is left.
#[derive(Debug)]
pub(super) struct NothingAllowed {
    count: usize,
    address: SocketAddr,
    why: LeftOut,
}

impl fmt::Display for NothingAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            address,
            why,
        } = self;
        write!(
            f,
            "none of its {count} addresses may be a substation: {address} is {why}"
        )
    }
}

impl Gate {
    pub(super) fn new(allow: Vec<Network>) -> Self {
        Self {
            rules: config::Discovery {
                allow,
                ..config::Discovery::default()
            },
            logged: BTreeSet::new(),
        }
    }

    /// What may be a substation, and how many others there were. An answer of nothing else is no answer.
    pub(super) fn pass(
        &mut self,
        source: &str,
        mut found: Vec<Found>,
    ) -> Result<(Vec<Found>, usize), NothingAllowed> {
        let all = found.len();
        let mut left_out = BTreeSet::new();
        let mut first = None;
        found.retain(|one| match self.rules.check(one.address.ip()) {
            Ok(()) => true,
            Err(why) => {
                left_out.insert(one.address);
                first.get_or_insert((one.address, why));
                false
            }
        });
        let count = all - found.len();
        let Some((address, why)) = first else {
            self.logged.clear();
            return Ok((found, 0));
        };
        if found.is_empty() {
            return Err(NothingAllowed {
                count,
                address,
                why,
            });
        }
        if !left_out.is_subset(&self.logged) {
            warn!(source, count, %address, %why, "Discovered addresses left out");
        }
        self.logged = left_out;
        Ok((found, count))
    }
}
