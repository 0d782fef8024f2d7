use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Longer than any step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what is written, and asks before each write what it should do.
struct Scripted {
    asks: Sender<Vec<u8>>,
    answers: Receiver<io::Result<usize>>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.asks.send(bytes.to_vec());
        self.answers.recv().unwrap_or(Ok(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Rig {
    writer: LineWriter,
    asked: Receiver<Vec<u8>>,
    answer: Sender<io::Result<usize>>,
}

fn rig() -> Rig {
    let (asks, asked) = channel();
    let (answer, answers) = channel();
    let writer = LineWriter::start(Scripted { asks, answers }, |writer, lost| {
        writer.push(format!("{lost} lost\n").as_bytes());
    });
    Rig {
        writer,
        asked,
        answer,
    }
}

fn text(asked: &Receiver<Vec<u8>>) -> String {
    let bytes = asked.recv_timeout(PATIENCE).expect("a write");
    String::from_utf8(bytes).unwrap()
}

#[test]
fn lines_are_written_in_order_and_flush_waits_for_them() {
    let rig = rig();
    rig.writer.push(b"one\n");
    assert_eq!(text(&rig.asked), "one\n");
    rig.writer.push(b"two\n");
    rig.writer.push(b"three\n");
    assert!(
        !rig.writer.flush(Duration::ZERO),
        "the first is not written"
    );
    // A write of a part is followed by a write of the rest.
    rig.answer.send(Ok(2)).unwrap();
    assert_eq!(text(&rig.asked), "e\n");
    rig.answer.send(Ok(2)).unwrap();
    assert_eq!(text(&rig.asked), "two\nthree\n");
    drop(rig.answer);
    assert!(rig.writer.flush(PATIENCE));
    assert_eq!(rig.writer.dropped(), 0);
}

#[test]
fn a_sink_that_blocks_blocks_no_caller_and_what_finds_no_room_is_counted() {
    let rig = rig();
    rig.writer.push(b"first\n");
    text(&rig.asked);
    let kib = [vec![b'x'; 1023], vec![b'\n']].concat();
    for _ in 0..2 * MOST_WAITING / kib.len() {
        rig.writer.push(&kib);
    }
    let dropped = u64::try_from(MOST_WAITING / kib.len()).unwrap();
    assert_eq!(rig.writer.dropped(), dropped);
    let began = Instant::now();
    assert!(!rig.writer.flush(Duration::from_millis(20)));
    assert!(began.elapsed() < PATIENCE);
    // Once it takes lines again, it is told how many are missing.
    rig.answer.send(Ok(6)).unwrap();
    assert_eq!(text(&rig.asked).len(), MOST_WAITING);
    drop(rig.answer);
    assert_eq!(text(&rig.asked), format!("{dropped} lost\n"));
    assert!(rig.writer.flush(PATIENCE));
}

#[test]
fn a_sink_that_fails_loses_lines_that_are_counted_and_reported_once_it_works() {
    let rig = rig();
    let gone = || io::Error::from(ErrorKind::BrokenPipe);
    rig.writer.push(b"one\ntwo\n");
    text(&rig.asked);
    rig.answer.send(Err(gone())).unwrap();
    rig.writer.push(b"three\n");
    assert_eq!(text(&rig.asked), "three\n");
    // Half a line is lost as a whole.
    rig.answer.send(Ok(2)).unwrap();
    assert_eq!(text(&rig.asked), "ree\n");
    assert_eq!(rig.writer.dropped(), 2);
    rig.answer.send(Err(gone())).unwrap();
    assert_eq!(text(&rig.asked), "3 lost\n");
    drop(rig.answer);
    assert!(rig.writer.flush(PATIENCE));
    assert_eq!(rig.writer.dropped(), 3);
}

#[test]
fn a_sink_in_non_blocking_mode_is_asked_again() {
    let rig = rig();
    rig.writer.push(b"one\n");
    text(&rig.asked);
    for _ in 0..2 {
        rig.answer.send(Err(ErrorKind::WouldBlock.into())).unwrap();
        assert_eq!(text(&rig.asked), "one\n");
    }
    drop(rig.answer);
    assert!(rig.writer.flush(PATIENCE));
    assert_eq!(rig.writer.dropped(), 0);
}
