//! Requests that share a connection, over real sockets: the other side is a thread that does as it is told.

use std::{collections::HashMap, sync::mpsc, thread};

use futures_util::future::join_all;

use super::*;

/// Longer than any answer takes, so that a test that waits for what never comes fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a request with an id of its own; what came back as its body, and how far it got.
async fn ask(
    client: &UpstreamClient,
    to: Destination<'_>,
    id: &'static str,
    progress: &mut Progress,
) -> Result<String, UpstreamError> {
    let line = RequestHead::new("POST", "/charge", "s").unwrap();
    let request_id = HeaderValue::from_static(id);
    let outgoing = Outgoing {
        line: &line,
        head: Head::Raw(b"", &[]),
        request_id: &request_id,
        body: b"{}",
    };
    let sent = client.send(to, &outgoing, progress, Instant::now());
    let answer = timeout(PATIENCE, sent)
        .await
        .unwrap_or(Err(UpstreamError::Deadline))?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

/// Several at once, and how far each got.
async fn ask_all(
    client: &UpstreamClient,
    to: Destination<'_>,
    ids: &[&'static str],
) -> Vec<(Result<String, UpstreamError>, Progress)> {
    join_all(ids.iter().map(async |id| {
        let mut progress = Progress::Unsent;
        let result = ask(client, to, id, &mut progress).await;
        (result, progress)
    }))
    .await
}

/// With a substation that has earned it.
fn granted() -> UpstreamClient {
    let client = client();
    client.pool(Id::default()).lock().grant();
    client
}

/// Makes a connection, and keeps it for whoever comes first.
async fn keep_one(client: &UpstreamClient, to: Destination<'_>) {
    let connection = connect(to).await.unwrap();
    let pool = client.pool(Id::default());
    pool.lock().put(connection, Instant::now());
}

/// The id of the next request on a connection.
fn id(peer: &mut Peer) -> String {
    let request = read_request(peer);
    let (_, id) = request.split_once("x-request-id: ").unwrap();
    id.split("\r\n").next().unwrap().to_owned()
}

fn answer(peer: &mut Peer, version: &str, id: &str, more: &str) {
    let length = id.len();
    write!(
        peer,
        "{version} 200 OK\r\ncontent-length: {length}\r\n{more}\r\n{id}"
    )
    .unwrap();
}

const VERSION: &str = "HTTP/1.1";

#[tokio::test]
async fn those_of_one_round_leave_together_and_each_gets_its_own_answer() {
    let (client, other) = (granted(), Other::start());
    let to = destination(other.address, 16);
    let served = thread::spawn(move || {
        let (mut peer, _) = other.listener.accept().unwrap();
        // None is answered before all have come.
        let ids: Vec<_> = (0..4).map(|_| id(&mut peer)).collect();
        for id in &ids {
            answer(&mut peer, VERSION, id, "");
        }
        ids
    });
    // The first makes the connection, the others are there when it stands.
    keep_one(&client, to).await;
    let ids = ["a", "b", "c", "d"];
    for (id, (result, progress)) in ids.iter().zip(ask_all(&client, to, &ids).await) {
        assert_eq!((result.unwrap().as_str(), progress), (*id, Progress::Sent));
    }
    assert_eq!(served.join().unwrap(), ids);
}

#[tokio::test]
async fn a_break_leaves_in_doubt_what_was_written_and_not_answered() {
    let (client, other) = (granted(), Other::start());
    let to = destination(other.address, 16);
    keep_one(&client, to).await;
    let served = thread::spawn(move || {
        let (mut peer, _) = other.listener.accept().unwrap();
        let ids: Vec<_> = (0..3).map(|_| id(&mut peer)).collect();
        answer(&mut peer, VERSION, &ids[0], "");
        drop(peer);
        other
    });
    let results = ask_all(&client, to, &["a", "b", "c"]).await;
    let other = served.join().unwrap();
    assert_eq!(results[0].0.as_ref().unwrap(), "a");
    for (result, progress) in &results[1..] {
        assert!(matches!(result, Err(UpstreamError::Lost(_))), "{result:?}");
        assert_eq!(*progress, Progress::Sent);
    }
    assert!(
        !client.pool(Id::default()).lock().is_eligible(),
        "a break casts doubt"
    );
    other.listener.set_nonblocking(true).unwrap();
    assert!(other.listener.accept().is_err(), "nothing was sent again");
}

#[tokio::test]
async fn what_was_written_behind_an_announced_close_is_sent_again_each_by_itself() {
    let (client, other) = (granted(), Other::start());
    let to = destination(other.address, 16);
    keep_one(&client, to).await;
    let (booked, bookings) = mpsc::channel();
    let served = thread::spawn(move || {
        let (mut first, _) = other.listener.accept().unwrap();
        let id_of_first = id(&mut first);
        answer(&mut first, VERSION, &id_of_first, "connection: close\r\n");
        booked.send(id_of_first).unwrap();
        drop(first);
        let again = [other.listener.accept(), other.listener.accept()];
        for (mut peer, _) in again.map(Result::unwrap) {
            let id = id(&mut peer);
            answer(&mut peer, VERSION, &id, "");
            booked.send(id).unwrap();
        }
    });
    let ids = ["a", "b", "c"];
    for (id, (result, _)) in ids.iter().zip(ask_all(&client, to, &ids).await) {
        assert_eq!(result.unwrap(), *id);
    }
    served.join().unwrap();
    let mut times = HashMap::new();
    for id in bookings {
        *times.entry(id).or_insert(0) += 1;
    }
    assert_eq!(times.len(), 3);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

#[tokio::test]
async fn nobody_joins_one_that_has_waited_for_a_while() {
    let (client, other) = (granted(), Other::start());
    let to = destination(other.address, 16);
    let (came, arrived) = tokio::sync::oneshot::channel();
    let (let_go, released) = mpsc::channel::<()>();
    let served = thread::spawn(move || {
        let (mut slow, _) = other.listener.accept().unwrap();
        let slow_id = id(&mut slow);
        came.send(()).unwrap();
        let (mut fast, _) = other.listener.accept().unwrap();
        let fast_id = id(&mut fast);
        answer(&mut fast, VERSION, &fast_id, "");
        // Only when the fast one has its answer.
        released.recv().unwrap();
        answer(&mut slow, VERSION, &slow_id, "");
    });
    let (mut one, mut two) = (Progress::Unsent, Progress::Unsent);
    let slow = ask(&client, to, "slow", &mut one);
    let fast = async {
        arrived.await.unwrap();
        let begun = Instant::now();
        while begun.elapsed() < 8 * eligibility::PROMPT {
            tokio::task::yield_now().await;
        }
        let answer = ask(&client, to, "fast", &mut two).await.unwrap();
        let_go.send(()).unwrap();
        answer
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!((slow.unwrap().as_str(), fast.as_str()), ("slow", "fast"));
    served.join().unwrap();
}

#[tokio::test]
async fn one_that_gives_up_leaves_the_others_their_answers() {
    let (client, other) = (granted(), Other::start());
    let to = destination(other.address, 16);
    keep_one(&client, to).await;
    let (came, arrived) = tokio::sync::oneshot::channel();
    let (let_go, released) = mpsc::channel::<()>();
    let served = thread::spawn(move || {
        let (mut peer, _) = other.listener.accept().unwrap();
        let ids: Vec<_> = (0..3).map(|_| id(&mut peer)).collect();
        came.send(()).unwrap();
        released.recv().unwrap();
        for id in &ids {
            answer(&mut peer, VERSION, id, "");
        }
    });
    let mut progress = [Progress::Unsent; 3];
    let [first, one, two] = &mut progress;
    let leaver = async {
        tokio::select! {
            _ = ask(&client, to, "a", first) => panic!("nobody answered it"),
            _ = arrived => let_go.send(()).unwrap(),
        }
    };
    let (one, two) = (ask(&client, to, "b", one), ask(&client, to, "c", two));
    let ((), one, two) = tokio::join!(leaver, one, two);
    assert_eq!((one.unwrap().as_str(), two.unwrap().as_str()), ("b", "c"));
    assert_eq!(progress, [Progress::Sent; 3]);
    served.join().unwrap();
}

#[tokio::test]
async fn no_more_share_a_connection_than_are_allowed() {
    let (client, other) = (granted(), Other::start());
    let to = destination(other.address, 2);
    let served = thread::spawn(move || {
        let mut peers = [other.listener.accept(), other.listener.accept()].map(|it| it.unwrap().0);
        let ids = peers.each_mut().map(|peer| [id(peer), id(peer)]);
        for (peer, ids) in peers.iter_mut().zip(&ids) {
            for id in ids {
                answer(peer, VERSION, id, "");
            }
        }
    });
    for _ in 0..2 {
        keep_one(&client, to).await;
    }
    let ids = ["a", "b", "c", "d"];
    for (id, (result, _)) in ids.iter().zip(ask_all(&client, to, &ids).await) {
        assert_eq!(result.unwrap(), *id);
    }
    served.join().unwrap();
}

#[tokio::test]
async fn what_casts_doubt_turns_it_off() {
    for (version, more) in [
        ("HTTP/1.0", "connection: keep-alive\r\n"),
        (VERSION, "connection: close\r\n"),
    ] {
        let (client, other) = (granted(), Other::start());
        let to = destination(other.address, 16);
        let served = thread::spawn(move || {
            let (mut peer, _) = other.listener.accept().unwrap();
            let id = id(&mut peer);
            answer(&mut peer, version, &id, more);
        });
        let mut progress = Progress::Unsent;
        ask(&client, to, "a", &mut progress).await.unwrap();
        served.join().unwrap();
        assert!(
            !client.pool(Id::default()).lock().is_eligible(),
            "{version} {more}"
        );
    }
}
