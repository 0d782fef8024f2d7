//! Requests that share a connection, over real sockets. The substation is a thread that each test scripts.

use std::{collections::HashMap, sync::mpsc, thread};

use futures_util::future::join_all;

use super::*;

/// Longer than any answer takes, so that a test fails if its answer never comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a request with this id and returns the body of its answer; `progress` says how far it got.
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
        origin: Origin::default(),
        request_id: &request_id,
        body: b"{}",
    };
    let sent = client.send(to, &outgoing, progress, Instant::now());
    let answer = timeout(PATIENCE, sent)
        .await
        .unwrap_or(Err(UpstreamError::Deadline))?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

/// Sends several at once; for each, its result and how far it got.
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

/// A client for which the substation has earned pipelining.
fn granted() -> UpstreamClient {
    let client = client();
    client.pool(Id::default()).lock().grant();
    client
}

/// Makes a connection and keeps it as idle for the first request.
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
async fn requests_of_one_turn_leave_together_and_each_gets_its_own_answer() {
    let (client, substation) = (granted(), Substation::start());
    let to = destination(substation.address, 16);
    let served = thread::spawn(move || {
        let (mut peer, _) = substation.listener.accept().unwrap();
        // No request is answered before all have come.
        let ids: Vec<_> = (0..4).map(|_| id(&mut peer)).collect();
        for id in &ids {
            answer(&mut peer, VERSION, id, "");
        }
        ids
    });
    // With an idle connection, no request has to wait for one to be made.
    keep_one(&client, to).await;
    let ids = ["a", "b", "c", "d"];
    for (id, (result, progress)) in ids.iter().zip(ask_all(&client, to, &ids).await) {
        assert_eq!((result.unwrap().as_str(), progress), (*id, Progress::Sent));
    }
    assert_eq!(served.join().unwrap(), ids);
}

#[tokio::test]
async fn a_broken_connection_leaves_written_requests_without_an_answer_in_doubt() {
    let (client, substation) = (granted(), Substation::start());
    let to = destination(substation.address, 16);
    keep_one(&client, to).await;
    let served = thread::spawn(move || {
        let (mut peer, _) = substation.listener.accept().unwrap();
        let ids: Vec<_> = (0..3).map(|_| id(&mut peer)).collect();
        answer(&mut peer, VERSION, &ids[0], "");
        drop(peer);
        substation
    });
    let results = ask_all(&client, to, &["a", "b", "c"]).await;
    let substation = served.join().unwrap();
    assert_eq!(results[0].0.as_ref().unwrap(), "a");
    for (result, progress) in &results[1..] {
        assert!(matches!(result, Err(UpstreamError::Lost(_))), "{result:?}");
        assert_eq!(*progress, Progress::Sent);
    }
    assert!(
        !client.pool(Id::default()).lock().is_eligible(),
        "a broken connection casts doubt"
    );
    substation.listener.set_nonblocking(true).unwrap();
    assert!(
        substation.listener.accept().is_err(),
        "nothing was sent again"
    );
}

#[tokio::test]
async fn requests_written_behind_an_announced_close_are_sent_again_each_by_itself() {
    let (client, substation) = (granted(), Substation::start());
    let to = destination(substation.address, 16);
    keep_one(&client, to).await;
    let (booked, bookings) = mpsc::channel();
    let served = thread::spawn(move || {
        let (mut first, _) = substation.listener.accept().unwrap();
        let id_of_first = id(&mut first);
        answer(&mut first, VERSION, &id_of_first, "connection: close\r\n");
        booked.send(id_of_first).unwrap();
        drop(first);
        let again = [substation.listener.accept(), substation.listener.accept()];
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
async fn no_request_joins_a_connection_whose_oldest_request_has_waited() {
    let (client, substation) = (granted(), Substation::start());
    let to = destination(substation.address, 16);
    let (came, arrived) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let served = thread::spawn(move || {
        let (mut slow, _) = substation.listener.accept().unwrap();
        let slow_id = id(&mut slow);
        came.send(()).unwrap();
        let (mut fast, _) = substation.listener.accept().unwrap();
        let fast_id = id(&mut fast);
        answer(&mut fast, VERSION, &fast_id, "");
        // Only once the fast request has its answer.
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
        release.send(()).unwrap();
        answer
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!((slow.unwrap().as_str(), fast.as_str()), ("slow", "fast"));
    served.join().unwrap();
}

#[tokio::test]
async fn a_request_that_gives_up_leaves_the_others_their_answers() {
    let (client, substation) = (granted(), Substation::start());
    let to = destination(substation.address, 16);
    keep_one(&client, to).await;
    let (came, arrived) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let served = thread::spawn(move || {
        let (mut peer, _) = substation.listener.accept().unwrap();
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
            _ = ask(&client, to, "a", first) => panic!("no answer was sent"),
            _ = arrived => release.send(()).unwrap(),
        }
    };
    let (one, two) = (ask(&client, to, "b", one), ask(&client, to, "c", two));
    let ((), one, two) = tokio::join!(leaver, one, two);
    assert_eq!((one.unwrap().as_str(), two.unwrap().as_str()), ("b", "c"));
    assert_eq!(progress, [Progress::Sent; 3]);
    served.join().unwrap();
}

#[tokio::test]
async fn no_more_requests_share_a_connection_than_allowed() {
    let (client, substation) = (granted(), Substation::start());
    let to = destination(substation.address, 2);
    let served = thread::spawn(move || {
        let mut peers =
            [substation.listener.accept(), substation.listener.accept()].map(|it| it.unwrap().0);
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
async fn an_answer_that_casts_doubt_turns_pipelining_off() {
    for (version, more) in [
        ("HTTP/1.0", "connection: keep-alive\r\n"),
        (VERSION, "connection: close\r\n"),
    ] {
        let (client, substation) = (granted(), Substation::start());
        let to = destination(substation.address, 16);
        let served = thread::spawn(move || {
            let (mut peer, _) = substation.listener.accept().unwrap();
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
