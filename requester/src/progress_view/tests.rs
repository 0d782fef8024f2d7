//! The texts of a progress that is known.

use super::*;
use crate::progress::SubstationProgress;

fn progress() -> Progress {
    Progress {
        elapsed: Duration::from_millis(3001),
        total: Duration::from_mins(1),
        offered: 30,
        answered: 20,
        refused: 2,
        failed: 1,
        offered_rate: 10.4,
        rate: 9.6,
        p50: Some(Duration::from_micros(1234)),
        p99: None,
        substations: vec![SubstationProgress {
            name: "substation1".into(),
            share: 0.25,
            level: None,
        }],
    }
}

#[test]
fn a_line_shows_the_progress() {
    let mut progress = progress();
    assert_eq!(
        line(&progress),
        "   3 s  offered 30  answered 20  refused 2  failed 1  10/s  p50 1.23 ms  substation1 25 %"
    );
    progress.substations[0].level = Some((45.0, 200.0));
    assert!(line(&progress).ends_with("  substation1 22.5 % full"));
    progress.substations = vec![
        SubstationProgress {
            name: "s".into(),
            share: 0.1,
            level: None
        };
        10
    ];
    assert!(line(&progress).ends_with("  s 10 %  s 10 %  …"));
}

#[test]
fn a_terminal_shows_a_bar_for_each_substation() {
    let mut progress = progress();
    assert_eq!(clock(&progress), "3 of 60 s");
    assert_eq!(
        figures(&progress),
        [
            "10/s offered, 10/s answered   booked 18   refused 2   failed 1",
            "p50 1.23 ms"
        ]
    );
    assert!(
        substations(&progress)[0].ends_with("25.0 % of answers"),
        "{:?}",
        substations(&progress)
    );
    progress.substations[0].level = Some((5000.0, 10_000.0));
    let expected = format!("  substation1 {}  50.0 %  5,000 of 10,000", bar(0.5));
    assert_eq!(substations(&progress), [expected]);
    assert!(figures(&progress)[1].ends_with("   imbalance 1.000"));
    progress.substations = vec![progress.substations[0].clone(); 20];
    assert_eq!(
        substations(&progress).last().map(String::as_str),
        Some("  … and 8 more")
    );
}

#[test]
fn bars_are_limited_to_their_width() {
    assert_eq!(bar(-1.0), "·".repeat(BAR));
    assert_eq!(bar(2.0), "█".repeat(BAR));
}

/// A terminal that is stopped until it gets a permission for each state.
struct Stopped {
    permissions: Receiver<()>,
    shown: SyncSender<u64>,
}

impl Canvas for Stopped {
    fn show(&mut self, progress: &Progress) {
        let _ = self.permissions.recv();
        let _ = self.shown.send(progress.offered);
    }

    fn end(&mut self) {
        let _ = self.shown.send(0);
    }
}

#[test]
fn a_terminal_that_is_stopped_delays_nothing_and_misses_states() {
    let (permit, permissions) = sync_channel(9);
    let (report, shown) = sync_channel(9);
    let drawing = Drawing::start(move || Stopped {
        permissions,
        shown: report,
    });
    let state = |offered| Progress {
        offered,
        ..progress()
    };
    // Of ten states while it is stopped, it has one in hand and one that waits.
    for offered in 1..=10 {
        drawing.show(&state(offered));
    }
    drawing.end();
    drop(permit);
    let all: Vec<_> = shown.iter().collect();
    assert_eq!((all.first(), all.last()), (Some(&1), Some(&0)));
    assert!(all.len() <= 3, "{all:?}");
}
