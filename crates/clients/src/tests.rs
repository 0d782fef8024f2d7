use std::{sync::Arc, thread, time::Duration};

use proptest::prelude::*;
use switchyard_balance::Load;
use switchyard_config::{Client, TokenHash};
use switchyard_telemetry::Page;

use crate::{Accounts, CarriedClients, CertificateNames, Clients, Owner, Refused, Sent, Unknown};

const START: Duration = Duration::ZERO;

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

fn hash_of(token: &str) -> TokenHash {
    TokenHash(crate::token::hashed(token.as_bytes()).0)
}

fn client(name: &str, token: Option<&str>, certificate: Option<&str>) -> Client {
    Client {
        name: name.to_owned(),
        token_sha256: token.map(hash_of).into_iter().collect(),
        certificate_name: certificate.map(str::to_owned),
        rate: None,
        burst: None,
        load: None,
    }
}

fn table(clients: &[Client]) -> Arc<Clients> {
    Accounts::default().table(clients, START).unwrap()
}

fn found(
    table: &Clients,
    authorization: &[&str],
    certificate: Option<&[&str]>,
) -> Result<String, Unknown> {
    let sent = Sent::of(authorization.iter().map(|value| value.as_bytes()));
    let names = |names: &[&str]| CertificateNames::new(names.iter().map(|&name| name.to_owned()));
    let certificate = certificate.map(names);
    let found = table.find(sent, certificate.as_ref());
    found.map(|entry| entry.account().name().as_ref().to_owned())
}

#[test]
fn a_client_is_found_by_its_token_or_by_its_certificate() {
    let clients = [
        client("depot", Some("secret-of-depot"), None),
        client("fleet", None, Some("fleet.example")),
        client("both", Some("secret-of-both"), Some("both.example")),
    ];
    let table = table(&clients);
    let stranger = Some(&["stranger.example"][..]);
    let fleet = Some(&["other.example", "fleet.example"][..]);
    for (authorization, certificate, expected) in [
        (&["Bearer secret-of-depot"][..], None, Ok("depot")),
        (&["bearer   secret-of-both "], None, Ok("both")),
        (&["Bearer secret-of-depot"], stranger, Ok("depot")),
        (&["Bearer secret-of-depot"], fleet, Ok("depot")),
        (&[], fleet, Ok("fleet")),
        (&["Basic Zm9v"], fleet, Ok("fleet")),
        (&[], Some(&["both.example"]), Ok("both")),
        (&[], None, Err(Unknown::NoToken)),
        (&["Basic Zm9v"], None, Err(Unknown::NoToken)),
        (&["Bearer"], None, Err(Unknown::NoToken)),
        (&["Bearer "], None, Err(Unknown::WrongToken)),
        (&["Bearer secret-of-depo"], None, Err(Unknown::WrongToken)),
        (
            &["Bearer secret-of-depot"; 2],
            None,
            Err(Unknown::SeveralTokens),
        ),
        // A wrong word is wrong whatever the connection shows.
        (&["Bearer nonsense"], fleet, Err(Unknown::WrongToken)),
        (&[], stranger, Err(Unknown::Certificate)),
        (&[], Some(&[]), Err(Unknown::Certificate)),
    ] {
        let found = found(&table, authorization, certificate);
        assert_eq!(
            found.as_deref(),
            expected.as_ref().copied(),
            "{authorization:?} {certificate:?}"
        );
    }
}

#[test]
fn where_no_client_has_a_token_what_is_sent_as_one_says_nothing() {
    let table = table(&[client("fleet", None, Some("fleet.example"))]);
    let certificate = Some(&["fleet.example"][..]);
    assert_eq!(found(&table, &["Bearer x"], certificate).unwrap(), "fleet");
    assert_eq!(found(&table, &["Bearer x"], None), Err(Unknown::NoToken));
}

#[test]
fn no_hash_is_shown() {
    let table = table(&[client("depot", Some("secret"), None)]);
    let shown = format!("{table:?}");
    assert!(
        shown.contains("Digest") && shown.contains("depot"),
        "{shown}"
    );
    let hash = hash_of("secret").0;
    assert!(
        !shown.contains(&format!("{}, {}", hash[0], hash[1])),
        "{shown}"
    );
}

#[test]
fn without_clients_there_is_no_table() {
    assert!(Accounts::default().table(&[], START).is_none());
}

#[test]
fn a_load_counts_until_it_is_given_back_ends_or_is_ended() {
    let accounts = Accounts::default();
    let account = accounts.account("depot");
    let most = Some(load(30.0));
    let reserve = |now| account.reserve(load(11.0), most, now);
    let one = reserve(START).unwrap();
    let two = reserve(START).unwrap();
    let full = reserve(START).unwrap_err();
    assert_eq!(
        (full.held, full.retry_in),
        (load(22.0), None),
        "nobody knows how long it takes"
    );
    drop(two);
    let two = reserve(START).unwrap();
    accounts.booked(one, Some("s1-1"), (load(11.0), Some(at(10.0))), START);
    accounts.booked(two, Some("s1-2"), (load(11.0), None), START);
    let full = reserve(at(0.5)).unwrap_err();
    assert_eq!(full.retry_in, Some(10), "9.5 s, rounded up");
    assert!(reserve(at(9.999)).is_err());
    assert!(reserve(at(10.0)).is_ok());
    accounts.ended("s1-2", at(11.0));
    assert_eq!(account.load(at(11.0)), Load::ZERO);
    accounts.ended("s1-2", at(12.0));
    accounts.ended("s1-3", at(12.0));
    assert_eq!(account.load(at(12.0)), Load::ZERO);
}

#[test]
fn a_session_without_an_id_counts_as_long_as_it_is_known_to_last() {
    let accounts = Accounts::default();
    let account = accounts.account("depot");
    for lasts in [Some(at(10.0)), Some(at(10.0)), None] {
        let permit = account.reserve(load(11.0), None, START).unwrap();
        accounts.booked(permit, None, (load(11.0), lasts), START);
    }
    assert_eq!(account.load(START), load(22.0));
    assert_eq!(account.load(at(10.0)), Load::ZERO);
}

#[test]
fn a_session_that_is_answered_again_counts_once() {
    let accounts = Accounts::default();
    let account = accounts.account("depot");
    for _ in 0..3 {
        let permit = account.reserve(load(11.0), None, START).unwrap();
        accounts.booked(permit, Some("s1-1"), (load(11.0), Some(at(10.0))), START);
    }
    accounts.booked(
        account.repeat(),
        Some("s1-1"),
        (load(11.0), Some(at(10.0))),
        START,
    );
    assert_eq!(account.load(START), load(11.0));
    // What was asked for again may be booked only then.
    accounts.booked(
        account.repeat(),
        Some("s1-2"),
        (load(5.0), Some(at(10.0))),
        START,
    );
    assert_eq!(account.load(START), load(16.0));
    assert_eq!(account.load(at(10.0)), Load::ZERO);
}

#[test]
fn a_session_is_its_client_s_until_some_time_after_its_end() {
    let accounts = Accounts::default();
    let [depot, fleet] = ["depot", "fleet"].map(|name| accounts.account(name));
    let permit = depot.reserve(load(1.0), None, START).unwrap();
    accounts.booked(permit, Some("s1-1"), (load(1.0), Some(at(10.0))), START);
    assert_eq!(accounts.owner("s1-1", &depot), Owner::Own);
    assert_eq!(accounts.owner("s1-1", &fleet), Owner::Other);
    assert_eq!(accounts.owner("s1-2", &fleet), Owner::Unknown);
    accounts.expire(at(3_000.0));
    assert_eq!(accounts.owner("s1-1", &fleet), Owner::Other);
    accounts.expire(at(3_611.0));
    assert_eq!(accounts.owner("s1-1", &depot), Owner::Unknown);
    // An id that comes again is another session.
    let permit = fleet.reserve(load(1.0), None, at(4_000.0)).unwrap();
    accounts.booked(permit, Some("s1-1"), (load(1.0), None), at(4_000.0));
    assert_eq!(accounts.owner("s1-1", &fleet), Owner::Own);
}

#[test]
fn who_has_most_forgets_first() {
    let accounts = Accounts::with_room_for(100);
    let [greedy, modest] = ["greedy", "modest"].map(|name| accounts.account(name));
    let book = |account: &Arc<crate::Account>, id: u32, until: f64| {
        let permit = account.reserve(load(1.0), None, START).unwrap();
        let id = format!("{}-{id}", account.name());
        accounts.booked(permit, Some(&id), (load(1.0), Some(at(until))), START);
    };
    for id in 0..1_000 {
        book(&greedy, id, 1_000.0 + f64::from(id));
    }
    for id in 0..40 {
        book(&modest, id, 10.0);
    }
    assert_eq!(modest.load(START), load(40.0));
    assert_eq!(greedy.load(START), load(60.0));
    for id in 1_000..2_000 {
        book(&greedy, id, 5_000.0);
    }
    assert_eq!(modest.load(START), load(40.0), "nobody takes its room");
    assert_eq!(accounts.owner("modest-0", &greedy), Owner::Other);
}

#[test]
fn a_reload_changes_limits_and_keeps_what_clients_have() {
    let accounts = Accounts::default();
    let depot = client("depot", Some("t"), None);
    let before = accounts.table(&[depot.clone(), client("fleet", Some("u"), None)], START);
    let account = Arc::clone(before.unwrap().entries()[0].account());
    let permit = account.reserve(load(11.0), None, START).unwrap();
    accounts.booked(permit, Some("s1-1"), (load(11.0), None), START);
    account.asks();
    assert!(accounts.table(&[], START).is_none());
    let limited = Client {
        load: Some(15.0),
        ..depot
    };
    let table = accounts.table(&[limited], START).unwrap();
    let entry = &table.entries()[0];
    assert!(Arc::ptr_eq(entry.account(), &account));
    assert_eq!(entry.account().load(START), load(11.0));
    assert!(
        account
            .reserve(load(11.0), entry.most_load(), START)
            .is_err()
    );
    assert_eq!(accounts.all().len(), 1, "the other one had nothing");
}

#[test]
fn the_next_process_goes_on_with_rates_loads_and_owners() {
    let accounts = Accounts::default();
    let account = accounts.account("depot");
    let rate = crate::Allowance::new(6, at(60.0), Some(2));
    assert!(account.bucket.take(rate, at(100.0)).is_ok());
    assert!(account.bucket.take(rate, at(100.0)).is_ok());
    for (id, lasts) in [
        ("s1-1", Some(at(60.0))),
        ("s1-2", Some(at(3.0))),
        ("s1-3", None),
    ] {
        let permit = account.reserve(load(5.0), None, at(100.0)).unwrap();
        accounts.booked(permit, Some(id), (load(5.0), lasts), at(100.0));
    }
    let carried = accounts.carry(at(100.0));
    let bytes = postcard::to_stdvec(&carried).unwrap();
    let carried: CarriedClients = postcard::from_bytes(&bytes).unwrap();
    let next = Accounts::default();
    // Another clock, five seconds later.
    next.restore(carried.clone(), at(5.0), at(1.0));
    let account = next.account("depot");
    next.restore(carried, at(5.0), at(1.0));
    assert_eq!(account.load(at(1.0)), load(10.0), "twice is once");
    let fleet = next.account("fleet");
    for id in ["s1-1", "s1-2", "s1-3"] {
        assert_eq!(next.owner(id, &fleet), Owner::Other);
    }
    assert!(account.bucket.take(rate, at(5.9)).is_err());
    assert!(account.bucket.take(rate, at(6.1)).is_ok());
    assert_eq!(account.load(at(55.0)), load(10.0));
    assert_eq!(account.load(at(56.0)), load(5.0));
    assert!(Accounts::default().carry(at(1.0)).is_empty());
}

#[test]
fn the_page_has_the_clients_of_the_table_only() {
    let accounts = Accounts::default();
    let _ = accounts.table(&[client("gone", None, Some("g"))], START);
    let table = accounts
        .table(&[client("depot", Some("t"), None)], START)
        .unwrap();
    let account = table.entries()[0].account();
    account.asks();
    account.refuse(Refused::Load);
    let _permit = account.reserve(load(11.0), None, START).unwrap();
    let mut page = Page::after(Vec::new(), "switchyard");
    table.write(&mut page, START);
    let text = String::from_utf8(page.into_text()).unwrap();
    for line in [
        "switchyard_client_requests_total{client=\"depot\"} 1\n",
        "switchyard_client_refused_total{client=\"depot\",reason=\"rate\"} 0\n",
        "switchyard_client_refused_total{client=\"depot\",reason=\"load\"} 1\n",
        "switchyard_client_load{client=\"depot\"} 11\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    assert!(!text.contains("gone"), "{text}");
}

#[test]
fn threads_together_never_pass_the_most() {
    let accounts = Accounts::default();
    let account = accounts.account("depot");
    let most = load(50.0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let permit = account.reserve(load(11.0), Some(most), START);
                    assert!(account.load(START) <= most);
                    drop(permit);
                }
            });
        }
    });
    assert_eq!(account.load(START), Load::ZERO);
}

proptest! {
    #[test]
    fn a_load_agrees_with_a_plain_sum_and_the_time_to_wait_is_true(
        steps in prop::collection::vec((0..5_u8, 0..20_u32, 1..20_u32, 0..2_000_u32), 1..200)
    ) {
        let accounts = Accounts::default();
        let account = accounts.account("depot");
        let most = load(60.0);
        let mut now = START;
        // The sessions that count: id, load, end.
        let mut model: Vec<(u32, u32, Duration)> = Vec::new();
        for (what, id, units, millis) in steps {
            now += Duration::from_millis(millis.into());
            model.retain(|(_, _, until)| *until > now);
            let sum: u32 = model.iter().map(|(_, units, _)| units).sum();
            prop_assert_eq!(account.load(now), load(sum.into()));
            let name = id.to_string();
            if what == 0 {
                accounts.ended(&name, now);
                model.retain(|(known, ..)| *known != id);
                continue;
            }
            let wanted = load(units.into());
            match account.reserve(wanted, Some(most), now) {
                Ok(permit) => {
                    prop_assert!(sum + units <= 60);
                    let lasts = Duration::from_millis(u64::from(millis) * 3 + 1);
                    accounts.booked(permit, Some(&name), (wanted, Some(lasts)), now);
                    if model.iter().all(|(known, ..)| *known != id) {
                        model.push((id, units, now + lasts));
                    }
                }
                Err(full) => {
                    prop_assert!(sum + units > 60);
                    let retry_in = Duration::from_secs(full.retry_in.unwrap().into());
                    let then: u32 = model.iter().filter(|(_, _, until)| *until > now + retry_in).map(|(_, units, _)| units).sum();
                    prop_assert!(then + units <= 60, "true");
                    let early = now + retry_in.saturating_sub(Duration::from_secs(1));
                    let before: u32 = model.iter().filter(|(_, _, until)| *until > early).map(|(_, units, _)| units).sum();
                    prop_assert!(before + units > 60, "no longer than it must be");
                }
            }
        }
    }
}
