//! Three substations on two feeders with one parent, which keep one book, and a meter.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};
use switchyard_faults::{
    self as client, Act, Connection, Scripted,
    fault::{answer, no_capacity, page},
};

use super::book::{Book, Limit};
use crate::rig::{Proxy, until};

/// What the substations can bear, in kW.
pub(super) const CAPACITIES: [f64; 3] = [150.0, 100.0, 300.0];

/// How the substations and the meter behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// As they should.
    Well,
    /// No answer to a scrape.
    Mute,
    /// A scrape is answered with a closed connection.
    Gone,
    /// Scrapes are answered with what is no load.
    Absurd,
    /// Charges fail, and are not booked.
    Fails,
    /// Charges are refused, and not booked.
    Refuses,
    /// Charges are not answered, and not booked.
    Hangs,
}

pub(super) struct Yard {
    book: Arc<Mutex<Book>>,
    moods: Arc<Mutex<[Mood; 3]>>,
    meter_mood: Arc<Mutex<Mood>>,
    substations: Vec<Scripted>,
    meter: Scripted,
}

/// The limits of the yard: of the transformer, of feeder7 (s1, s2) and feeder8 (s3), and of each substation.
pub(super) fn limits(trafo: f64, feeder7: f64, feeder8: f64) -> Vec<Limit> {
    vec![
        ("trafo", vec![0, 1, 2], trafo),
        ("feeder7", vec![0, 1], feeder7),
        ("feeder8", vec![2], feeder8),
        ("s1", vec![0], CAPACITIES[0]),
        ("s2", vec![1], CAPACITIES[1]),
        ("s3", vec![2], CAPACITIES[2]),
    ]
}

/// The feeders of [`limits`], as a configuration.
pub(super) fn feeders(trafo: f64, feeder7: f64, feeder8: f64) -> String {
    format!(
        "feeders:\n  - {{name: trafo, capacity: {trafo}}}\n  - {{name: feeder7, parent: trafo, capacity: {feeder7}}}\n  \
         - {{name: feeder8, parent: trafo, capacity: {feeder8}}}\n"
    )
}

impl Yard {
    pub(super) fn start(limits: Vec<Limit>) -> Self {
        let book = Arc::new(Mutex::new(Book::new(CAPACITIES.len(), limits)));
        let moods = Arc::new(Mutex::new([Mood::Well; 3]));
        let meter_mood = Arc::new(Mutex::new(Mood::Well));
        let substations = (0..CAPACITIES.len())
            .map(|at| {
                let (book, moods) = (Arc::clone(&book), Arc::clone(&moods));
                Scripted::start(move |request| {
                    let mood = moods.lock().unwrap()[at];
                    substation(at, mood, &book, request)
                })
            })
            .collect();
        let (of_meter, mood) = (Arc::clone(&book), Arc::clone(&meter_mood));
        let meter = Scripted::start(move |_| {
            let load = of_meter.lock().unwrap().total("feeder8");
            let text = format!(
                "feeder_power_kw{{feeder=\"7\"}} 1\nfeeder_power_kw{{feeder=\"8\"}} {load}\n"
            );
            let mood = *mood.lock().unwrap();
            scraped(mood, &text, "feeder_power_kw{feeder=\"8\"}")
        });
        Self {
            book,
            moods,
            meter_mood,
            substations,
            meter,
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    pub(super) fn shared(&self) -> Arc<Mutex<Book>> {
        Arc::clone(&self.book)
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.substations.iter().map(|one| one.address).collect()
    }

    /// The same feeders as [`feeders`], of which feeder8 has a meter.
    pub(super) fn metered(&self, trafo: f64, feeder7: f64, feeder8: f64) -> String {
        let meter = format!(
            "capacity: {feeder8}, load: {{address: \"{}\", metric: 'feeder_power_kw{{feeder=\"8\"}}'}}",
            self.meter.address
        );
        let plain = format!("capacity: {feeder8}");
        let text = feeders(trafo, feeder7, feeder8);
        let at = text.rfind(&plain).unwrap();
        format!("{}{meter}{}", &text[..at], &text[at + plain.len()..])
    }

    /// How often the meter was read, or should have been.
    pub(super) fn meter_reads(&self) -> usize {
        self.meter.requests("GET").len()
    }

    pub(super) fn is(&self, at: usize, mood: Mood) {
        self.moods.lock().unwrap()[at] = mood;
    }

    pub(super) fn meter_is(&self, mood: Mood) {
        *self.meter_mood.lock().unwrap() = mood;
    }

    /// A configuration with each substation on its feeder of [`limits`], and `extra`.
    pub(super) fn yaml(&self, extra: &str) -> String {
        self.yaml_on(["feeder7", "feeder7", "feeder8"], extra)
    }

    /// The same with each on this feeder; an empty name is none.
    pub(super) fn yaml_on(&self, on: [&str; 3], extra: &str) -> String {
        let mut text = String::from(
            "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nthreads: 2\nsubstations:\n",
        );
        for (at, (one, feeder)) in self.substations.iter().zip(on).enumerate() {
            let feeder = match feeder {
                "" => String::new(),
                name => format!(", feeder: {name}"),
            };
            let _ = writeln!(
                text,
                "  - {{name: s{}, address: \"{}\"{feeder}}}",
                at + 1,
                one.address
            );
        }
        text + extra
    }

    /// Charges until every kW below this limit is in use.
    pub(super) fn fill(&self, proxy: &Proxy, limit: &str) {
        let mut connection = Connection::open(proxy.charge);
        let mut charge = |power: f64| {
            let body = format!(r#"{{"power_kw": {power}}}"#);
            connection.send(client::request("POST", "/request_charge", "", &body));
            connection.answer().status
        };
        while charge(5.0) == 200 {}
        until(&format!("all room of {limit} is used"), || {
            (charge(0.5) == 503 && self.book().left(limit) == 0.0).then_some(())
        });
    }

    /// No booking was over a limit.
    pub(super) fn held(&self) {
        let book = self.book();
        let (over, most) = book.over();
        assert!(
            over.is_empty(),
            "{} bookings over a limit, by up to {most} kW: {:#?}",
            over.len(),
            &over[..over.len().min(5)]
        );
    }

    /// Once all is quiet, `/status` and `/metrics` say of feeders and substations what is true.
    pub(super) fn agrees(&self, proxy: &Proxy) {
        let truth = |name: &str| self.book().total(name);
        let names = ["trafo", "feeder7", "feeder8", "s1", "s2", "s3"];
        let expected = names.map(|name| (name.to_owned(), truth(name), truth(name)));
        until("/status agrees with the truth", || {
            let status = proxy.status();
            let all = rows(&status, "feeders").into_iter();
            let all: Vec<_> = all.chain(rows(&status, "substations")).collect();
            (all == expected).then_some(())
        });
        for name in ["trafo", "feeder7", "feeder8"] {
            for family in ["load", "estimated_load"] {
                let series = format!("switchyard_feeder_{family}{{feeder=\"{name}\"}}");
                assert_eq!(proxy.metric(&series), truth(name), "{series}");
            }
        }
    }
}

/// Name, load and estimate of each.
fn rows(status: &Value, of: &str) -> Vec<(String, f64, f64)> {
    let all = status[of].as_array().unwrap().iter();
    all.map(|one| {
        (
            one["name"].as_str().unwrap().to_owned(),
            one["current_load"].as_f64().unwrap_or(f64::NAN),
            one["estimated_load"].as_f64().unwrap_or(f64::NAN),
        )
    })
    .collect()
}

fn scraped(mood: Mood, text: &str, series: &str) -> Act {
    match mood {
        Mood::Mute => Act::Hang,
        Mood::Gone => Act::WriteAndClose(Vec::new()),
        Mood::Absurd => Act::Write(page(&format!(
            "{series} {}\n",
            fastrand::choice(["NaN", "-5", "+Inf", "none", "1e300"]).unwrap()
        ))),
        _ => Act::Write(page(text)),
    }
}

fn substation(at: usize, mood: Mood, book: &Mutex<Book>, request: &str) -> Act {
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    if path == "/metrics" {
        let load = book.lock().unwrap().load(at);
        let text = format!(
            "substation_current_load {load}\nsubstation_capacity {}\n",
            CAPACITIES[at]
        );
        return scraped(mood, &text, "substation_current_load");
    }
    if method == "DELETE" {
        let session = path.rsplit('/').next().unwrap();
        return Act::Write(match book.lock().unwrap().end(session) {
            Some(power) => answer(
                "200 OK",
                &json!({"session_id": session, "state": "cancelled", "power_kw": power})
                    .to_string(),
            ),
            None => answer("404 Not Found", r#"{"error":{"code":"not_found"}}"#),
        });
    }
    match mood {
        Mood::Fails => return client::fault::internal_error(),
        Mood::Refuses => return Act::Write(no_capacity()),
        Mood::Hangs => return Act::Hang,
        _ => {}
    }
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let power = body["power_kw"].as_f64().unwrap();
    let mut book = book.lock().unwrap();
    let request = header("x-request-id").unwrap_or_default();
    let session = book.book(at, power, header("idempotency-key"), request);
    Act::Write(answer(
        "200 OK",
        &json!({"session_id": session, "substation": format!("s{}", at + 1), "power_kw": power, "energy_kwh": 1e3 * power, "current_load": book.load(at)})
            .to_string(),
    ))
}
