//! What a claim and a release answer.

use switchyard_faults::RedisServer;
use switchyard_fleet::StoreState;
use switchyard_idempotency::{Claimed, Fingerprint, KeyHash, Released};

use crate::support::{Kept, TTL, held_by};

#[tokio::test]
async fn the_first_claim_decides_and_the_others_follow() {
    let server = RedisServer::start();
    let (one, two) = (Kept::at(&server.store()), Kept::at(&server.store()));
    assert_eq!(one.claim("k", one.asker(), "a").await, held_by("a"));
    assert_eq!(two.claim("k", two.asker(), "b").await, held_by("a"));
    assert_eq!(one.claim("k", one.asker(), "b").await, held_by("a"));
    assert_eq!(two.claim("other", two.asker(), "b").await, held_by("b"));
}

#[tokio::test]
async fn a_key_is_free_when_its_last_asker_has_left() {
    let server = RedisServer::start();
    let (one, two) = (Kept::at(&server.store()), Kept::at(&server.store()));
    let (first, second) = (one.asker(), two.asker());
    assert_eq!(one.claim("k", first, "a").await, held_by("a"));
    assert_eq!(two.claim("k", second, "b").await, held_by("a"));
    assert_eq!(one.release("k", first).await, Ok(Released::Held));
    // Said again, since the answer may have been lost.
    assert_eq!(one.release("k", first).await, Ok(Released::Held));
    assert_eq!(one.claim("k", one.asker(), "b").await, held_by("a"));
    assert_eq!(two.release("k", second).await, Ok(Released::Held));
    assert_eq!(server.ask(["hlen", &name("k")]), "3");
}

#[tokio::test]
async fn a_free_key_goes_to_whoever_claims_it_next() {
    let server = RedisServer::start();
    let (one, two) = (Kept::at(&server.store()), Kept::at(&server.store()));
    let asker = one.asker();
    assert_eq!(one.claim("k", asker, "a").await, held_by("a"));
    assert_eq!(one.release("k", asker).await, Ok(Released::Free));
    assert_eq!(server.ask(["exists", &name("k")]), "0");
    assert_eq!(one.release("k", asker).await, Ok(Released::Free));
    assert_eq!(two.claim("k", two.asker(), "b").await, held_by("b"));
    // A release that comes late takes nobody else's place.
    assert_eq!(one.release("k", asker).await, Ok(Released::Held));
    assert_eq!(one.claim("k", one.asker(), "a").await, held_by("b"));
}

#[tokio::test]
async fn a_claim_that_is_repeated_is_one_claim() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    let asker = kept.asker();
    for _ in 0..40 {
        assert_eq!(kept.claim("k", asker, "a").await, held_by("a"));
    }
    assert_eq!(server.ask(["hlen", &name("k")]), "3");
    assert_eq!(kept.release("k", asker).await, Ok(Released::Free));
}

#[tokio::test]
async fn a_key_with_many_askers_stays_with_its_holder() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    let mut askers = Vec::new();
    for number in 1..=20 {
        let asker = kept.asker();
        assert_eq!(kept.claim("k", asker, "a").await, held_by("a"));
        askers.push(asker);
        let fields = 2 + number.min(17);
        assert_eq!(server.ask(["hlen", &name("k")]), fields.to_string());
    }
    for asker in askers {
        assert_eq!(kept.release("k", asker).await, Ok(Released::Held));
    }
    assert_eq!(kept.claim("k", kept.asker(), "b").await, held_by("a"));
}

#[tokio::test]
async fn a_key_with_another_charge_is_reused() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    let asker = kept.asker();
    assert_eq!(kept.claim("k", asker, "a").await, held_by("a"));
    let other = Fingerprint(8);
    let reused = kept.claim_for("k", kept.asker(), "a", other).await;
    assert_eq!(reused, Ok(Claimed::Reused));
    // It has joined no askers.
    assert_eq!(kept.release("k", asker).await, Ok(Released::Free));
    let fresh = kept.claim_for("k", kept.asker(), "b", other).await;
    assert_eq!(fresh, held_by("b"));
}

#[tokio::test]
async fn a_key_lives_from_its_first_claim_on() {
    let server = RedisServer::start();
    let kept = Kept::at(&server.store());
    let asker = kept.asker();
    assert_eq!(kept.claim("k", asker, "a").await, held_by("a"));
    let left: u128 = server.ask(["pttl", &name("k")]).parse().unwrap();
    assert!(
        left <= TTL.as_millis() && left > TTL.as_millis() - 20_000,
        "{left}"
    );
    server.ask(["pexpire", &name("k"), "5000"]);
    assert_eq!(kept.claim("k", kept.asker(), "a").await, held_by("a"));
    let left: u128 = server.ask(["pttl", &name("k")]).parse().unwrap();
    assert!(left <= 5000, "{left}");
}

#[tokio::test]
async fn a_thousand_racing_claims_agree() {
    let server = RedisServer::start();
    let kept: Vec<_> = (0..4).map(|_| Kept::at(&server.store())).collect();
    for one in &kept {
        one.until(StoreState::Up).await;
    }
    for round in 0..20 {
        let key = format!("k{round}");
        let claims = (0..48).map(|n| {
            let one = &kept[n % 4];
            let candidate = ["a", "b", "c"][n % 3];
            one.claim(&key, one.asker(), candidate)
        });
        let answers = futures_util::future::join_all(claims).await;
        let first = answers[0].clone().unwrap();
        for answer in answers {
            assert_eq!(answer, Ok(first.clone()));
        }
    }
}

fn name(key: &str) -> String {
    format!("test:key:{}", KeyHash::of(key.as_bytes()))
}
