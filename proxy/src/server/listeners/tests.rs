use std::net::TcpStream;

use super::*;

fn config(charge: &[SocketAddr], admin: &str) -> Config {
    let list: Vec<_> = charge.iter().map(|one| format!("\"{one}\"")).collect();
    let yaml = format!(
        "listen: [{}]\nadmin: {{listen: {admin}}}\nsubstations: [{{name: a, address: 127.0.0.1:1}}]",
        list.join(", ")
    );
    Config::from_yaml(&yaml, "test").unwrap()
}

const FREE: &str = "127.0.0.1:0";

/// A port that is free on all addresses of both families: where `[::]` is bound for both.
fn free_port() -> u16 {
    let both = TcpListener::bind("[::]:0").unwrap();
    both.local_addr().unwrap().port()
}

fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn configured_sockets_are_used_and_the_rest_are_closed() {
    let [kept, dropped] = [(); 2].map(|()| TcpListener::bind(FREE).unwrap());
    let (kept_at, dropped_at) = (kept.local_addr().unwrap(), dropped.local_addr().unwrap());
    let config = config(&[FREE.parse().unwrap(), kept_at], FREE);
    let listeners = Listeners::inherit(&config, vec![dropped, kept]).unwrap();
    let [added, found] = listeners.charge_addresses().unwrap()[..] else {
        panic!("two are configured")
    };
    assert_eq!(found, kept_at);
    assert_ne!(added, dropped_at);
    assert_ne!(listeners.admin_address().unwrap(), dropped_at);
    assert!(TcpListener::bind(dropped_at).is_ok(), "it is closed");
    assert!(
        Listeners::bind(&config).is_err(),
        "a port in use can only be inherited"
    );
    assert_eq!(listeners.duplicates().unwrap().len(), 3);
}

#[test]
fn every_address_of_both_families_can_have_one_port() {
    if !has_ipv6() {
        return;
    }
    let port = free_port();
    let every = |text: &str| SocketAddr::new(text.parse().unwrap(), port);
    for ipv4 in ["0.0.0.0", "127.0.0.1"].map(every) {
        for list in [[ipv4, every("::")], [every("::"), ipv4]] {
            let config = config(&list, FREE);
            let listeners = Listeners::bind(&config).unwrap();
            assert_eq!(listeners.charge_addresses().unwrap(), list);
            // Each family reaches its own.
            for (listener, address) in listeners.charge.iter().zip(list) {
                let to = if address.is_ipv4() {
                    "127.0.0.1"
                } else {
                    "::1"
                };
                let client = TcpStream::connect(every(to)).unwrap();
                let accepted = loop {
                    match listener.accept() {
                        Ok((_, peer)) => break peer,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => panic!("{error}"),
                    }
                };
                assert_eq!(accepted, client.local_addr().unwrap());
            }
        }
    }
}

#[test]
fn every_ipv6_address_alone_takes_ipv4_clients_too_and_is_not_the_one_beside_them() {
    if !has_ipv6() {
        return;
    }
    let port = free_port();
    let every = |text: &str| SocketAddr::new(text.parse().unwrap(), port);
    let alone = config(&[every("::")], FREE);
    let beside = config(&[every("0.0.0.0"), every("::")], FREE);
    let (narrow, wide) = (
        Listeners::bind(&beside).unwrap().charge,
        "the address alone",
    );
    // An heir of the narrow one would leave IPv4 clients outside, and the port is in use: it says so and ends.
    let heirs = |all: &[TcpListener]| all.iter().map(|one| one.try_clone().unwrap()).collect();
    assert!(
        Listeners::inherit(&alone, heirs(&narrow)).is_err(),
        "{wide}"
    );
    assert!(Listeners::inherit(&beside, heirs(&narrow)).is_ok());
    drop(narrow);
    let both = Listeners::bind(&alone).unwrap().charge;
    TcpStream::connect(every("127.0.0.1")).unwrap();
    assert!(Listeners::inherit(&alone, heirs(&both)).is_ok());
    assert!(Listeners::inherit(&beside, heirs(&both)).is_err());
}
