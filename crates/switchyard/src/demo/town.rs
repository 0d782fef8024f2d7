//! The town of `--grid`: one transformer, three feeders, of which one has a meter and houses, and eight sites with two
//! kinds of connectors. `config/grid.yaml` is the same town on fixed ports.

use std::{
    fmt::Write as _,
    io,
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use requester::{BaseLoad, Label, Labels, WatchedFeeder};
use substation::Substation;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime,
    time::interval,
};

use super::{Error, parts::Site};

/// Feeders with parents and capacities in kW, the root first. The transformer's is without what houses draw at most.
const FEEDERS: [(&str, Option<&str>, f64); 4] = [
    ("transformer", None, 530.0),
    ("market", Some("transformer"), 250.0),
    ("station", Some("transformer"), 320.0),
    (METERED, Some("transformer"), 200.0),
];
/// The feeder that supplies houses too.
const METERED: &str = "houses";
/// What the houses draw at most, in kW.
const HOUSES: f64 = 100.0;
/// Sites with their feeder, capacity in kW, connectors and zone.
const SITES: [(&str, &str, f64, &str, &str); 8] = [
    ("market1", "market", 120.0, "ccs,type2", "centre"),
    ("market2", "market", 80.0, "type2", "centre"),
    ("market3", "market", 120.0, "ccs", "centre"),
    ("station1", "station", 150.0, "ccs,type2", "centre"),
    ("station2", "station", 150.0, "ccs", "centre"),
    ("station3", "station", 100.0, "type2", "centre"),
    ("elm1", METERED, 80.0, "type2", "elms"),
    ("elm2", METERED, 120.0, "ccs,type2", "elms"),
];
/// What the transformer bears, in kW per car of a day: less than the evening asks for.
const TRANSFORMER_KW_PER_CAR: f64 = 2.4;
/// What cars ask for.
const CONNECTORS: &str = "connector_type=ccs:0.4,type2:0.6";
const ZONES: &str = "x-zone=centre:0.5,elms:0.2,:0.3";

/// The town, scaled to a number of cars.
pub(super) struct Town {
    scale: f64,
    pub(super) base: BaseLoad,
}

impl Town {
    pub(super) fn of(sessions: f64) -> Self {
        let scale = sessions * TRANSFORMER_KW_PER_CAR / FEEDERS[0].2;
        let base = BaseLoad::default();
        Self { scale, base }
    }

    pub(super) fn sites(&self) -> Vec<Site> {
        let site = |(name, _, kw, ..): (&str, _, f64, _, _)| Site {
            name: name.to_owned(),
            capacity_kw: kw * self.scale,
        };
        SITES.map(site).into()
    }

    /// The proxy's configuration of feeders, substations and labels.
    pub(super) fn yaml(&self, addresses: &[SocketAddr], meter: SocketAddr) -> String {
        let mut text = String::from("feeders:\n");
        // Writing to a string can't fail.
        for (name, parent, kw) in FEEDERS {
            let capacity = kw * self.scale;
            let _ = write!(text, "  - {{name: {name}, capacity: {capacity}");
            if let Some(parent) = parent {
                let _ = write!(text, ", parent: {parent}");
            }
            if name == METERED {
                let _ = write!(
                    text,
                    ", load: {{address: {meter}, metric: feeder_power_kw}}"
                );
            }
            text.push_str("}\n");
        }
        text.push_str("substations:\n");
        for ((name, feeder, _, connector, zone), address) in SITES.iter().zip(addresses) {
            let _ = writeln!(
                text,
                "  - {{name: {name}, address: {address}, feeder: {feeder}, \
                 labels: {{connector: \"{connector}\", zone: {zone}}}}}"
            );
        }
        text.push_str(
            "select:\n  connector: {field: connector_type}\n  zone: {header: x-zone, prefer: true, spill_at: 0.85}\n",
        );
        text
    }

    /// What cars ask for.
    pub(super) fn labels() -> Labels {
        let labels = [Label::field(CONNECTORS), Label::header(ZONES)];
        Labels::new(labels.into_iter().flatten())
    }

    /// The limits to be judged.
    pub(super) fn watched(&self) -> Vec<WatchedFeeder> {
        let is_below = |feeder: &str, of: &str| feeder == of || FEEDERS[0].0 == of;
        let watched = FEEDERS.map(|(name, _, kw)| WatchedFeeder {
            name: name.to_owned(),
            capacity: kw * self.scale,
            members: SITES
                .iter()
                .filter(|(_, feeder, ..)| is_below(feeder, name))
                .map(|(site, ..)| (*site).to_owned())
                .collect(),
            base: if name == METERED {
                self.base.clone()
            } else {
                BaseLoad::default()
            },
        });
        watched.into()
    }

    /// Starts the meter of the feeder with houses, on a free port. Its houses draw more and more until a third of
    /// `duration` has passed, and less again at the end.
    pub(super) fn start_meter(
        &self,
        all: &[Substation],
        duration: Duration,
    ) -> Result<SocketAddr, Error> {
        let members = all.iter().zip(SITES).filter(|(_, site)| site.1 == METERED);
        let members: Vec<_> = members.map(|(substation, _)| substation.clone()).collect();
        let (base, most) = (self.base.clone(), HOUSES * self.scale);
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let start = Instant::now();
        let draw = move || {
            let part = start.elapsed().as_secs_f64() / duration.as_secs_f64();
            let rising = 0.4 + 1.8 * part;
            let falling = 1.0 - 1.5 * (part - 0.8);
            base.set(most * rising.min(falling).clamp(0.3, 1.0));
            base.get() + members.iter().map(Substation::current_load_kw).sum::<f64>()
        };
        thread::Builder::new()
            .name("meter".into())
            .spawn(move || runtime.block_on(serve(listener, draw)))?;
        Ok(address)
    }
}

/// Answers every request with the load, one on each connection.
async fn serve(listener: TcpListener, draw: impl Fn() -> f64) {
    let mut ticks = interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                draw();
            }
            accepted = listener.accept() => {
                // A proxy that is gone before its answer needs none.
                if let Ok((stream, _)) = accepted {
                    let _ = answer(stream, draw()).await;
                }
            }
        }
    }
}

async fn answer(mut stream: TcpStream, kw: f64) -> io::Result<()> {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await?;
    let page = format!("# TYPE feeder_power_kw gauge\nfeeder_power_kw {kw}\n");
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{page}"
    );
    stream.write_all(answer.as_bytes()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_config::Config;

    #[test]
    fn the_demos_town_is_that_of_the_shipped_file() {
        let shipped =
            Config::from_yaml(include_str!("../../../../config/grid.yaml"), "grid.yaml").unwrap();
        let addresses: Vec<_> = shipped.substations.iter().map(|one| one.address).collect();
        let cars = FEEDERS[0].2 / TRANSFORMER_KW_PER_CAR;
        let meter = "127.0.0.1:5100".parse().unwrap();
        let town = Config::from_yaml(&Town::of(cars).yaml(&addresses, meter), "demo").unwrap();
        assert_eq!(town.feeders, shipped.feeders);
        assert_eq!(town.substations, shipped.substations);
        assert_eq!(town.select, shipped.select);
    }
}
