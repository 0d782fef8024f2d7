//! Lets one day happen and shows its log: `day SEED`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "it is for a terminal"
)]

use switchyard_simulation::world::{self, Plan};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seed: u64 = arguments.next().unwrap().parse().unwrap();
    let parts: Vec<_> = arguments.map(|part| part.parse().unwrap()).collect();
    let plan = Plan::of(seed).without(&parts);
    if std::env::var_os("LOG").is_some() {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(std::io::stderr)
            .with_max_level(tracing::Level::DEBUG)
            .init();
    }
    if std::env::var_os("PLAN").is_some() {
        println!("{plan:#?}");
    }
    let began = std::time::Instant::now();
    let mut lines = Vec::new();
    switchyard_simulated_kernel::run(seed, || {
        let is_quiet = std::env::var_os("QUIET").is_some();
        let ran = world::run(&plan, &mut |event| {
            lines.push(event.to_string());
            if let (
                Some(_),
                world::What::Probed {
                    probe: Some(probe), ..
                },
            ) = (std::env::var_os("STATUS"), &event.what)
            {
                println!("{:#}", probe.status);
            }
            if !is_quiet {
                println!("{event}");
            }
        });
        if let Err(error) = ran {
            eprintln!("{error}");
        }
    });
    eprintln!(
        "seed {seed}: {} events in {:?}",
        lines.len(),
        began.elapsed()
    );
}
