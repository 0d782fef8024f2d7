//! The names of a substation beside the one in the configuration: what it calls itself, and what clients see.
//!
//! A session's id begins with the name that the substation calls itself. Where discovery finds a substation by its
//! address, its name here *is* that address, so the two differ. The own name is learned from its metrics page
//! (`INFO_GAUGE` of `switchyard-wire`), which every proxy reads, also right after a restart; or,
//! where the page has none, from the answers to bookings.
//!
//! Clients see no internal address: for them an unnamed substation is what it calls itself, or `unnamed-N`.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use http::HeaderValue;
use switchyard_config::check_name;
use switchyard_idempotency::KeyHash;

use crate::carried::CarriedNaming;

/// The name of a substation for clients.
#[derive(Debug)]
pub struct PublicName {
    text: String,
    header: HeaderValue,
    sign: Option<u64>,
}

impl PublicName {
    fn new(text: String) -> Self {
        // Only names that are safe in headers come here.
        let header = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unnamed"));
        let sign = KeyHash::of(["x-possible-holder: ", &text].concat().as_bytes());
        Self {
            text,
            header,
            sign: Some(sign.number()),
        }
    }

    /// The name of one that has none: see [`unnamed`].
    fn of_unnamed(number: u64) -> Self {
        Self {
            sign: None,
            ..Self::new(unnamed(number))
        }
    }

    /// A number that is the same at every proxy and says nothing that the name does not say. None where the name is one
    /// that only this process has given.
    #[must_use]
    pub fn sign(&self) -> Option<u64> {
        self.sign
    }

    /// As text, for messages.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As the value of `x-substation`.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }
}

/// The names of one substation.
#[derive(Debug)]
pub(crate) struct Naming {
    /// Whether it has a name in the configuration or from a label, and not only its address.
    is_named: bool,
    public: ArcSwap<PublicName>,
    own: ArcSwapOption<String>,
    is_on_page: AtomicBool,
    /// Whether it ever answered a scrape, so that its own name would be known.
    is_heard: AtomicBool,
}

impl Naming {
    pub(crate) fn new(listed: &str, number: u64) -> Self {
        let is_named = check_name(listed).is_ok();
        let public = if is_named {
            PublicName::new(listed.to_owned())
        } else {
            PublicName::of_unnamed(number)
        };
        Self {
            is_named,
            public: ArcSwap::from_pointee(public),
            own: ArcSwapOption::empty(),
            is_on_page: AtomicBool::new(false),
            is_heard: AtomicBool::new(false),
        }
    }

    /// The name for clients.
    pub(crate) fn public(&self) -> Guard<Arc<PublicName>> {
        self.public.load()
    }

    /// The name that it calls itself, if that is known.
    pub(crate) fn own(&self) -> Option<Arc<String>> {
        self.own.load_full()
    }

    /// Whether it calls itself `name`.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.own.load().as_ref().is_some_and(|own| **own == name)
    }

    /// Whether sessions may exist whose ids begin with an own name that is not known yet.
    pub(crate) fn is_unheard(&self) -> bool {
        !self.is_named && !self.is_heard.load(Relaxed)
    }

    /// Whether it ever answered a scrape.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard.load(Relaxed)
    }

    /// What the next process needs to go on.
    pub(crate) fn carry(&self) -> CarriedNaming {
        CarriedNaming {
            own: self.own().map(|own| own.to_string()),
            is_on_page: self.is_on_page(),
            is_heard: self.is_heard(),
        }
    }

    /// Notes that it answered a scrape.
    pub(crate) fn note_heard(&self) {
        self.is_heard.store(true, Relaxed);
    }

    /// Whether its metrics page says its own name, so that answers need no look.
    pub(crate) fn is_on_page(&self) -> bool {
        self.is_on_page.load(Relaxed)
    }

    pub(crate) fn note_on_page(&self) {
        self.is_on_page.store(true, Relaxed);
    }

    /// Sets the own name, and returns the one before.
    pub(crate) fn rename(&self, name: &str, number: u64) -> Option<Arc<String>> {
        if !self.is_named {
            // A name that is an address would tell what this hides.
            let public = match name.parse::<IpAddr>() {
                Ok(_) => PublicName::of_unnamed(number),
                Err(_) => PublicName::new(name.to_owned()),
            };
            self.public.store(Arc::new(public));
        }
        self.own.swap(Some(Arc::new(name.to_owned())))
    }
}

/// The name for clients where nothing better is known: the same while the process runs.
fn unnamed(number: u64) -> String {
    format!("unnamed-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_the_same_in_every_process_and_stands_for_no_address() {
        let sign = |naming: &Naming| naming.public().sign();
        let listed = Naming::new("north", 7);
        assert_eq!(sign(&listed), sign(&Naming::new("north", 8)));
        assert_ne!(sign(&listed), sign(&Naming::new("south", 7)));
        let found = Naming::new("127.0.0.1:5001", 7);
        assert_eq!(sign(&found), None);
        found.rename("north", 7);
        assert_eq!(sign(&found), sign(&listed));
        found.rename("127.0.0.1", 7);
        assert_eq!(sign(&found), None);
    }

    #[test]
    fn clients_see_a_name_and_never_an_address() {
        let public = |naming: &Naming| naming.public().as_str().to_owned();
        let listed = Naming::new("north", 7);
        assert_eq!(public(&listed), "north");
        listed.rename("n-1", 7);
        assert_eq!(public(&listed), "north");
        assert!(!listed.is_unheard());

        for address in [
            "10.0.0.3:5001",
            "[fd00::1]:5001",
            "substation.internal:5001",
        ] {
            let found = Naming::new(address, 7);
            assert_eq!(public(&found), "unnamed-7");
            assert!(found.is_unheard());
            found.note_heard();
            assert!(!found.is_unheard());
            found.rename("n-1", 7);
            assert_eq!(public(&found), "n-1");
            found.rename("10.0.0.3", 7);
            assert_eq!(public(&found), "unnamed-7");
            assert_eq!(found.public().header(), "unnamed-7");
        }
    }
}
