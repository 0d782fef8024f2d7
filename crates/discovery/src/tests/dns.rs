//! Tests against a small name server: it reads the question of a message and answers from its zone.

use super::*;
use std::{
    collections::HashMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tokio::net::UdpSocket;

const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// The server's records, and its answer for everything else.
#[derive(Default)]
struct Zone {
    records: HashMap<(&'static str, u16), Vec<Vec<u8>>>,
    code: u8,
    is_silent: bool,
    asked: usize,
}

/// A name in wire format.
fn labels(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

fn a(last: u8) -> Vec<u8> {
    Ipv4Addr::new(10, 0, 0, last).octets().to_vec()
}

fn srv(port: u16, target: &str) -> Vec<u8> {
    [
        vec![0, 1, 0, 1],
        port.to_be_bytes().to_vec(),
        labels(target),
    ]
    .concat()
}

fn answer(zone: &Zone, question: &[u8]) -> Vec<u8> {
    let name_ends = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let asked = &question[12..name_ends];
    let kind = u16::from_be_bytes([question[name_ends], question[name_ends + 1]]);
    let known = zone
        .records
        .iter()
        .find(|((name, of), _)| *of == kind && labels(name).eq_ignore_ascii_case(asked));
    let records = known.map_or(&[][..], |(_, records)| records);
    let code = if records.is_empty() {
        zone.code
    } else {
        NO_ERROR
    };

    let mut wire = question[..2].to_vec();
    wire.extend([
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(records.len()).unwrap(),
        0,
        0,
        0,
        0,
    ]);
    wire.extend(&question[12..name_ends + 4]);
    for record in records {
        // A pointer to the question's name, its type, the class of the Internet, an hour to live.
        wire.extend([0xc0, 12]);
        wire.extend(kind.to_be_bytes());
        wire.extend([0, 1, 0, 0, 14, 16]);
        wire.extend(u16::try_from(record.len()).unwrap().to_be_bytes());
        wire.extend(record);
    }
    wire
}

async fn serve(zone: Arc<Mutex<Zone>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    spawn(async move {
        let mut buffer = [0; 1500];
        loop {
            let (length, client) = socket.recv_from(&mut buffer).await.unwrap();
            let answer = {
                let mut zone = zone.lock();
                zone.asked += 1;
                (!zone.is_silent).then(|| answer(&zone, &buffer[..length]))
            };
            if let Some(answer) = answer {
                socket.send_to(&answer, client).await.unwrap();
            }
        }
    });
    address
}

async fn rig(more: &str) -> (Arc<Mutex<Zone>>, Rig) {
    let zone = Arc::new(Mutex::new(Zone::default()));
    let server = serve(Arc::clone(&zone)).await;
    let yaml =
        format!("{{dns: [{{{more}, resolver: \"{server}\", refresh: 100ms, timeout: 400ms}}]}}");
    let rig = Rig::new(tempfile::tempdir().unwrap(), &yaml);
    (zone, rig)
}

#[tokio::test]
async fn all_addresses_of_a_name_are_found_in_a_stable_order_and_failures_change_nothing() {
    const SOURCE: &str = "dns:substation.grid.example:5001";
    let name = "substation.grid.example";
    let (zone, mut rig) = rig("name: substation.grid.example, port: 5001, family: both").await;
    let six = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).octets().to_vec();
    let put = |records| drop(zone.lock().records.insert((name, A), records));
    put(vec![a(2), a(1)]);
    rig.finds(&["10.0.0.1:5001", "10.0.0.2:5001"]).await;
    zone.lock().records.insert((name, AAAA), vec![six]);
    let all = ["10.0.0.1:5001", "10.0.0.2:5001", "[fd00::1]:5001"];
    rig.finds(&all).await;
    // Shuffled, as servers do: nothing changes, within the records' hour to live.
    put(vec![a(1), a(2)]);
    rig.keeps(&all, SOURCE, Good).await;
    assert_eq!(rig.log.count("Discovery source changed"), 2);

    // Half an answer is no answer: the other kind of address may still exist.
    let kept = zone.lock().records.remove(&(name, AAAA));
    zone.lock().code = SERVER_FAILURE;
    rig.keeps(&all, SOURCE, Failed).await;
    let v4 = zone.lock().records.remove(&(name, A));
    rig.keeps(&all, SOURCE, Failed).await;
    for code in [NO_SUCH_NAME, NO_ERROR] {
        zone.lock().code = code;
        rig.keeps(&all, SOURCE, Empty).await;
    }
    zone.lock().is_silent = true;
    rig.keeps(&all, SOURCE, Failed).await;
    assert_eq!((rig.log.count(FAILS), rig.log.count(EMPTY)), (2, 1));
    {
        let mut zone = zone.lock();
        zone.is_silent = false;
        zone.records.insert((name, A), v4.unwrap());
        zone.records.insert((name, AAAA), kept.unwrap());
    }
    rig.keeps(&all, SOURCE, Good).await;
    assert_eq!(rig.log.count(WELL), 1);
    // Scaled down.
    put(vec![a(2)]);
    rig.finds(&["10.0.0.2:5001", "[fd00::1]:5001"]).await;
}

#[tokio::test]
async fn what_can_be_no_substation_is_left_out_and_an_answer_of_nothing_else_is_none() {
    const SOURCE: &str = "dns:substation.grid.example:5001";
    let name = "substation.grid.example";
    let (zone, mut rig) = rig("name: substation.grid.example, port: 5001").await;
    let put = |records| drop(zone.lock().records.insert((name, A), records));
    let nobody = [[255, 255, 255, 255], [224, 0, 0, 1], [0, 0, 0, 0]].map(Vec::from);
    let metadata = vec![169, 254, 169, 254];
    put([&[a(1), metadata.clone()], &nobody[..]].concat());
    rig.finds(&["10.0.0.1:5001"]).await;
    rig.keeps(&["10.0.0.1:5001"], SOURCE, Good).await;
    assert_eq!(rig.metrics.handles(SOURCE).left_out_now(), 4);
    assert_eq!(rig.log.count("Discovered addresses left out"), 1);

    put(vec![metadata]);
    rig.keeps(&["10.0.0.1:5001"], SOURCE, Failed).await;
    let why =
        "none of its 1 addresses may be a substation: 169.254.169.254:5001 is a link-local address";
    assert_eq!((rig.log.count(FAILS), rig.log.count(why)), (1, 1));

    put(vec![a(2)]);
    rig.finds(&["10.0.0.2:5001"]).await;
    assert_eq!(rig.metrics.handles(SOURCE).left_out_now(), 0);
}

#[tokio::test]
async fn services_have_their_own_ports_and_their_hosts_are_looked_up() {
    let (zone, mut rig) = rig("name: _charge._tcp.grid.example").await;
    {
        let mut zone = zone.lock();
        let services = vec![
            srv(5002, "b.grid.example"),
            srv(5001, "a.grid.example"),
            srv(1, "."),
        ];
        zone.records
            .insert(("_charge._tcp.grid.example", SRV), services);
        zone.records.insert(("a.grid.example", A), vec![a(1)]);
        zone.records.insert(("b.grid.example", A), vec![a(2), a(3)]);
    }
    rig.finds(&["10.0.0.1:5001", "10.0.0.2:5002", "10.0.0.3:5002"])
        .await;
    let merged = rig.discovery.merged(&without_sources(""), &[]);
    let hosts: Vec<_> = merged.iter().map(Substation::authority).collect();
    let named = [
        "a.grid.example:5001",
        "b.grid.example:5002",
        "b.grid.example:5002",
    ];
    assert_eq!(hosts, named);
    zone.lock().records.clear();
    let all = ["10.0.0.1:5001", "10.0.0.2:5002", "10.0.0.3:5002"];
    rig.keeps(&all, "dns:_charge._tcp.grid.example", Empty)
        .await;
}

#[tokio::test]
async fn a_name_without_addresses_is_accepted_where_that_is_allowed() {
    let (zone, mut rig) =
        rig("name: substation.grid.example, port: 5001, type: A, allow_empty: true").await;
    let name = "substation.grid.example";
    // Only the queried type must be answered.
    zone.lock().is_silent = false;
    zone.lock().records.insert((name, A), vec![a(1)]);
    rig.finds(&["10.0.0.1:5001"]).await;
    zone.lock().code = NO_SUCH_NAME;
    zone.lock().records.clear();
    rig.finds(&[]).await;
}

fn aaaa(last: u16) -> Vec<u8> {
    let ip = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last);
    ip.octets().to_vec()
}

#[tokio::test]
async fn a_host_with_both_kinds_of_addresses_is_one_substation() {
    let name = "substation.grid.example";
    for (more, found, other) in [
        ("", "10.0.0.1:5001", A),
        (", type: A+AAAA", "10.0.0.1:5001", A),
        (", family: ipv6", "[fd00::1]:5001", AAAA),
        (", type: A+AAAA, family: ipv6", "[fd00::1]:5001", AAAA),
    ] {
        let (zone, mut rig) = rig(&format!("name: {name}, port: 5001{more}")).await;
        zone.lock().records.insert((name, A), vec![a(1)]);
        zone.lock().records.insert((name, AAAA), vec![aaaa(1)]);
        rig.finds(&[found]).await;
        // Where there is one kind only, that is used.
        zone.lock().records.remove(&(name, other));
        let only = if other == A {
            "[fd00::1]:5001"
        } else {
            "10.0.0.1:5001"
        };
        rig.finds(&[only]).await;
    }

    // That the other kind can't be asked for takes nothing away.
    let (zone, mut rig) = rig(&format!("name: {name}, port: 5001")).await;
    zone.lock().code = SERVER_FAILURE;
    zone.lock().records.insert((name, A), vec![a(1)]);
    rig.finds(&["10.0.0.1:5001"]).await;
}

#[tokio::test]
async fn a_service_is_one_substation_and_a_mapped_address_is_the_address_that_it_maps() {
    let service = "_charge._tcp.grid.example";
    let (zone, mut rig) = rig(&format!("name: {service}")).await;
    let mapped = Ipv4Addr::new(10, 0, 0, 2).to_ipv6_mapped().octets();
    {
        let mut zone = zone.lock();
        let services = vec![srv(5001, "a.grid.example"), srv(5002, "b.grid.example")];
        zone.records.insert((service, SRV), services);
        zone.records.insert(("a.grid.example", A), vec![a(1)]);
        zone.records.insert(("a.grid.example", AAAA), vec![aaaa(1)]);
        let mapped = vec![mapped.to_vec()];
        zone.records.insert(("b.grid.example", AAAA), mapped);
    }
    rig.finds(&["10.0.0.1:5001", "10.0.0.2:5002"]).await;
}

#[tokio::test]
async fn the_second_server_is_asked_only_where_the_first_fails() {
    use crate::dns::servers::NameServers;
    use hickory_resolver::proto::rr::RecordType;

    let name = "substation.grid.example";
    let zones = [(); 3].map(|()| Arc::new(Mutex::new(Zone::default())));
    let mut addresses = Vec::new();
    for (zone, last) in zones.iter().zip(1..) {
        zone.lock().records.insert((name, A), vec![a(last)]);
        zone.lock().code = NO_SUCH_NAME;
        addresses.push(serve(Arc::clone(zone)).await);
    }
    let servers = NameServers::at(&addresses, Duration::from_millis(600)).unwrap();
    let ask = async |name: &str| {
        servers.start_over();
        let found = servers.records(name, RecordType::A).await;
        found.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let asked = || {
        zones
            .each_ref()
            .map(|zone| std::mem::take(&mut zone.lock().asked))
    };
    for _ in 0..20 {
        assert_eq!(ask(name).await.unwrap(), ["10.0.0.1"]);
        // "No such name" is an answer, too.
        assert_eq!(ask("other.grid.example").await.unwrap(), [""; 0]);
    }
    assert_eq!(asked(), [40, 0, 0]);

    // A failure, silence, and all of them silent.
    zones[0].lock().records.clear();
    zones[0].lock().code = SERVER_FAILURE;
    assert_eq!(ask(name).await.unwrap(), ["10.0.0.2"]);
    assert_eq!(asked()[2], 0);
    zones[0].lock().is_silent = true;
    zones[1].lock().is_silent = true;
    assert_eq!(ask(name).await.unwrap(), ["10.0.0.3"]);
    // A zone that failed is not asked again before the next refresh.
    asked();
    servers.records(name, RecordType::A).await.unwrap();
    assert_eq!(asked(), [0, 0, 1]);
    zones[2].lock().is_silent = true;
    assert!(ask(name).await.is_err());
}
