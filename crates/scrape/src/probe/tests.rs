//! Scrapes over real sockets, of pages small and large.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use switchyard_balance::Ledger;
use switchyard_config as config;

use super::*;

/// Lines that come before and after the gauges on a page of megabytes.
const LINES: usize = 30_000;

/// How the end of a page is told.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunked,
    Close,
}

fn page(lines: usize) -> String {
    let mut page = String::new();
    for n in 0..lines {
        let _ = writeln!(
            page,
            "http_requests_total{{path=\"/substation_current_load/{n}\"}} {n}"
        );
        if n == lines / 2 {
            page.push_str("substation_info{name=\"north\"} 1\nsubstation_current_load 12.5\n");
        }
    }
    page + "substation_capacity 100"
}

fn answer(page: &str, framing: Framing) -> Vec<u8> {
    let mut wire = b"HTTP/1.1 200 OK\r\n".to_vec();
    match framing {
        Framing::Length => {
            wire.extend(format!("content-length: {}\r\n\r\n{page}", page.len()).bytes());
        }
        Framing::Chunked => {
            wire.extend(b"transfer-encoding: chunked\r\n\r\n");
            for chunk in page.as_bytes().chunks(777) {
                wire.extend(format!("{:x}\r\n", chunk.len()).bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
        }
        Framing::Close => wire.extend(format!("\r\n{page}").bytes()),
    }
    wire
}

/// Answers each request with the next of these, on one connection as long as that is possible.
fn serve(listener: TcpListener, answers: Vec<(Vec<u8>, Framing)>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut connection = None;
        for (answer, framing) in answers {
            let mut peer = connection
                .take()
                .unwrap_or_else(|| listener.accept().unwrap().0);
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                peer.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            peer.write_all(&answer).unwrap();
            connection = (!matches!(framing, Framing::Close)).then_some(peer);
        }
    })
}

/// The load and the capacity after each of these answers, and the size of the buffer after the last.
async fn scrape(answers: Vec<(Vec<u8>, Framing)>) -> (Vec<(f64, f64)>, Probe, PageBuffer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gauges = Gauges::new(&config::Load {
        timeout: Duration::from_secs(20),
        ..config::Load::default()
    });
    let mut probe = Probe::new(listener.local_addr().unwrap(), &gauges);
    let count = answers.len();
    let serving = serve(listener, answers);
    let (mut seen, mut buffer) = (Vec::new(), PageBuffer::default());
    for _ in 0..count {
        let ledger = Ledger::default();
        let ticket = ScrapeTicket::new(&ledger);
        let sampled = probe.sample(&gauges, ticket, None, &mut buffer).await;
        assert!(sampled.unwrap().is_none());
        let (load, capacity) = (ledger.value().unwrap(), ledger.capacity().unwrap());
        seen.push((load.units(), capacity.units()));
    }
    serving.join().unwrap();
    (seen, probe, buffer)
}

#[tokio::test]
async fn a_page_of_megabytes_is_read_whichever_way_it_comes_and_leaves_a_small_buffer() {
    let (large, small) = (page(LINES), page(1));
    assert!(large.len() > 1 << 20);
    let framings = [Framing::Length, Framing::Chunked, Framing::Close];
    let answers = framings.iter().flat_map(|framing| {
        // The last line of a page that ends with its connection may have been cut, so it would not count.
        let end = if matches!(framing, Framing::Close) {
            "\n"
        } else {
            ""
        };
        let answer = |page: &str| (answer(&format!("{page}{end}"), *framing), *framing);
        [answer(&large), answer(&small)]
    });
    let (seen, probe, mut buffer) = scrape(answers.collect()).await;
    assert_eq!(seen, [(12.5, 100.0); 6]);
    assert_eq!(probe.own_name(), Some("north"));
    assert!(
        !buffer.0.try_reclaim(64 * 1024),
        "it has grown with the page"
    );
}

#[tokio::test]
async fn a_connection_is_kept_between_scrapes_unless_they_are_far_apart() {
    for (interval, is_kept) in [(1, true), (60, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gauges = Gauges::new(&config::Load {
            interval: Some(Duration::from_secs(interval)),
            timeout: Duration::from_secs(20),
            ..config::Load::default()
        });
        let mut probe = Probe::new(listener.local_addr().unwrap(), &gauges);
        let serving = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            assert!(peer.read(&mut [0; 1024]).unwrap() > 0);
            let page = answer("substation_current_load 1\n", Framing::Length);
            peer.write_all(&page).unwrap();
            peer
        });
        let (ledger, mut buffer) = (Ledger::default(), PageBuffer::default());
        let ticket = ScrapeTicket::new(&ledger);
        let sampled = probe.sample(&gauges, ticket, None, &mut buffer).await;
        assert!(sampled.unwrap().is_none());
        let mut peer = serving.join().unwrap();
        peer.set_nonblocking(true).unwrap();
        let is_closed = matches!(peer.read(&mut [0]), Ok(0));
        assert_eq!(is_closed, !is_kept, "every {interval} s");
    }
}

#[tokio::test]
async fn a_page_over_the_limit_is_none_also_where_it_is_read_in_parts() {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gauges = Gauges::new(&config::Load {
            timeout: Duration::from_secs(20),
            ..config::Load::default()
        });
        let mut probe = Probe::new(listener.local_addr().unwrap(), &gauges);
        let page = answer(&"x 1\n".repeat(LARGEST_PAGE / 4 + 1), framing);
        let serving = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let _ = peer.read(&mut [0; 1024]).unwrap();
            // The probe ends the connection before all is written.
            let _ = peer.write_all(&page);
        });
        let (ledger, mut buffer) = (Ledger::default(), PageBuffer::default());
        let ticket = ScrapeTicket::new(&ledger);
        let sampled = probe.sample(&gauges, ticket, None, &mut buffer).await;
        let failure = sampled.unwrap_err();
        assert!(
            matches!(failure, PollFailure::Answer(_)),
            "{framing:?}: {failure}"
        );
        serving.join().unwrap();
    }
}

#[tokio::test]
async fn an_inspection_is_a_scrape_that_keeps_the_whole_page() {
    for (lines, framing) in [
        (0, Framing::Length),
        (LINES, Framing::Chunked),
        (LINES, Framing::Length),
        (0, Framing::Close),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = serve(listener, vec![(answer(&page(lines), framing), framing)]);
        let ledger = Ledger::new(None);
        let gauges = Gauges::new(&config::Load {
            timeout: Duration::from_secs(20),
            ..config::Load::default()
        });
        let mut probe = Probe::new(address, &gauges);
        let inspection = probe
            .inspect(&gauges, ScrapeTicket::new(&ledger), None)
            .await;
        assert!(
            matches!(inspection.result, Ok(None)) || lines == 0,
            "{inspection:?}"
        );
        assert_eq!(inspection.status, Some(200));
        assert_eq!(inspection.page, page(lines).as_bytes(), "{framing:?}");
        let read = gauges.of_page(&inspection.page, None);
        assert_eq!(read.is_ok(), inspection.result.is_ok());
        assert_eq!(ledger.value(), read.ok().map(|(reading, _)| reading.load));
        drop(probe);
        served.join().unwrap();
    }
}

#[tokio::test]
async fn an_inspection_that_takes_too_long_keeps_what_came() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let held = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nload 1\n");
        // Until the other side gives up.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let gauges = Gauges::new(&config::Load {
        timeout: Duration::from_millis(300),
        ..config::Load::default()
    });
    let ledger = Ledger::new(None);
    let mut probe = Probe::new(address, &gauges);
    let inspection = probe
        .inspect(&gauges, ScrapeTicket::new(&ledger), None)
        .await;
    assert!(matches!(inspection.result, Err(PollFailure::Timeout(_))));
    assert_eq!(
        (inspection.status, &inspection.page[..]),
        (None, &b"load 1\n"[..])
    );
    drop(probe);
    held.join().unwrap();
}
