//! What must hold, whatever happens.
//!
//! A judge is a state machine over the [events](crate::world::event::Event) of a day: what clients were told, what substations
//! booked, what was broken. It knows neither the proxy's code nor its insides, so it can't share its mistakes. What all
//! judges need to know of the day so far is in [`Facts`], which sees each event before they do.
//!
//! A judge may forgive only what the contract forgives (docs/errors.md and docs/operations), and says where. Each has a history that it must
//! pass and one that it must not, in its tests: a judge that never objects is worth nothing.
//!
//! The first objection ends the day: what comes after a broken promise proves nothing.

mod acknowledged;
mod deadlines;
mod denied;
mod doubled;
mod endings;
mod evenness;
mod facts;
mod leaks;
mod limits;
mod pages;
mod reservations;
#[cfg(test)]
mod rig;
mod truth;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::world::{event::Event, plan::Plan};

use self::facts::Facts;

/// What a judge objects to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Verdict {
    /// The judge's name.
    pub judge: String,
    /// When.
    pub at: Duration,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { judge, at, words } = self;
        write!(f, "{judge}, at {:.6} s: {words}", at.as_secs_f64())
    }
}

/// An objection, in words.
type Objection = String;

/// One promise, watched.
trait Judge {
    /// Its name: a word that people type.
    fn name(&self) -> &'static str;

    /// Looks at an event, which `facts` know already.
    fn see(&mut self, event: &Event, facts: &Facts) -> Result<(), Objection>;
}

/// All judges of a day.
pub struct Bench {
    facts: Facts,
    judges: Vec<Box<dyn Judge>>,
}

impl Bench {
    /// The judges of this day.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let judges: Vec<Box<dyn Judge>> = vec![
            Box::new(acknowledged::Acknowledged),
            Box::new(denied::Denied::default()),
            Box::new(doubled::Doubled::default()),
            Box::new(reservations::Reservations),
            Box::new(limits::Limits::default()),
            Box::new(deadlines::Deadlines::default()),
            Box::new(evenness::Evenness::default()),
            Box::new(truth::Truth),
            Box::new(leaks::Leaks::default()),
            Box::new(endings::Endings::default()),
        ];
        Self {
            facts: Facts::of(plan),
            judges,
        }
    }

    /// Looks at an event; the first objection, if there is one.
    pub fn see(&mut self, event: &Event) -> Option<Verdict> {
        self.facts.see(event);
        let facts = &self.facts;
        self.judges.iter_mut().find_map(|judge| {
            let words = judge.see(event, facts).err()?;
            Some(Verdict {
                judge: judge.name().to_owned(),
                at: event.at,
                words,
            })
        })
    }
}
