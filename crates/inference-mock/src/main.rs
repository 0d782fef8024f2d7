//! The `inference-mock` program: the command line around the library. `--help` says what it does.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use switchyard_inference_mock::{Engine, Settings, run};
use switchyard_process::signals::Termination;
use switchyard_process::{LogForm, log_to_stderr, print_panics, raise_file_limit, stderr};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::task::JoinSet;

/// Mock inference servers: OpenAI's API and vLLM's metrics, without a model.
///
/// Each runs at most --slots requests at once and lets the others wait; tokens come slower the more requests run. Prints
/// the address of each. Paths: /v1/models, /v1/completions, /v1/chat/completions, /v1/realtime (a WebSocket that sends
/// back what it gets), /metrics, /health. Ends on SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "inference-mock", version)]
struct Args {
    /// Address to listen on. With --count, the first of that many consecutive ports; port 0: any free ports.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8001")]
    listen: SocketAddr,
    /// How many servers to run in this process.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// The name of the model.
    #[arg(long, value_name = "NAME", default_value = "mock-8b")]
    model: String,
    /// The most requests that a server runs at once.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    slots: u16,
    /// The time of a token while one request runs; 0s: no pause at all.
    #[arg(long, value_name = "DURATION", default_value = "20ms", value_parser = humantime::parse_duration)]
    token_time: Duration,
    /// By which share each further running request makes a token slower.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    slowdown: f64,
    /// The time before the first token, for each 1,000 tokens of the prompt.
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = humantime::parse_duration)]
    prefill: Duration,
    /// Tokens in one event of a stream.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    tokens_per_event: u16,
    /// The mean length of an answer, in tokens. The lengths have a long tail. A request bounds its answer by `max_tokens`;
    /// with `ignore_eos` the answer is exactly that long.
    #[arg(long, value_name = "N", default_value = "150", value_parser = clap::value_parser!(u32).range(1..))]
    mean_tokens: u32,
    /// The key that requests must bring.
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
}

impl Args {
    fn settings(&self, number: u16) -> Settings {
        Settings {
            model: self.model.clone(),
            slots: self.slots.into(),
            token_time: self.token_time,
            slowdown: if self.slowdown.is_finite() {
                self.slowdown.max(0.0)
            } else {
                0.0
            },
            prefill: self.prefill,
            tokens_per_event: self.tokens_per_event.into(),
            mean_tokens: self.mean_tokens,
            api_key: self.api_key.clone(),
            seed: number.into(),
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let _flush = stderr::flush_at_end();
    print_panics();
    log_to_stderr("info", LogForm::Text);
    raise_file_limit();
    let served = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(serve(&args)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            stderr::line(format_args!("inference-mock: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args) -> Result<()> {
    let mut signals = Termination::watch().context("cannot watch for signals")?;
    let (mut running, mut lines) = (JoinSet::new(), Vec::new());
    for number in 1..=args.count {
        let mut address = args.listen;
        if address.port() != 0 {
            let port = address.port().checked_add(number - 1);
            address
                .set_port(port.context("--count goes beyond port 65535; listen on a lower port")?);
        }
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address}; pass another address with --listen")
        })?;
        let address = listener.local_addr()?;
        lines.push(format!("mock{number} listening on http://{address}"));
        running.spawn(run(Engine::new(args.settings(number)), listener));
    }
    announce(lines)?;
    signals.next().await;
    running.shutdown().await;
    Ok(())
}

/// On a thread of its own: a pipe that no process reads must not keep the servers from serving.
fn announce(lines: Vec<String>) -> Result<()> {
    thread::Builder::new()
        .name("announce".to_owned())
        .spawn(move || {
            let mut out = io::stdout().lock();
            let _ = writeln!(out, "{}", lines.join("\n"));
            let _ = out.flush();
        })?;
    Ok(())
}
