//! The commands, one file each, thin: they read configuration, call what does the work, and say the outcome in a sentence.

mod check;
mod console;
mod demo;
mod failure;
mod init;
mod keys;
mod kubeconfig;
mod output;
mod report;
mod schema;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use failure::Failure;

/// Drive releases on Kubernetes from the terminal: see every environment, follow the rollout, promote, hold or roll back.
#[derive(Debug, Parser)]
#[command(
    name = "rolldeck",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command the console opens, with the plan named by --plan, else rolldeck.toml from the working directory \
                  upwards, else the one in the configuration directory, else what runs in the current kubeconfig context.\n\n\
                  Exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    console: console::ConsoleArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the console on a simulated cluster: every key works, nothing real is touched
    Demo(demo::DemoArgs),
    /// Say everything that is wrong with a plan, with line and column
    Check(check::CheckArgs),
    /// Write a commented plan of what runs in a cluster
    Init(init::InitArgs),
    /// Write what happened on a release, as Markdown or JSON, or list the releases
    Report(report::ReportArgs),
    /// Print the JSON Schema of the plan, for editors
    Schema,
    /// Print the key map that holds
    Keys,
}

/// What changes how the console looks, over the settings.
#[derive(Clone, Debug, Default, Args)]
struct LookArgs {
    /// The theme: dark, light, high-contrast, 16, or one of your own
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Draw with ASCII only
    #[arg(long)]
    ascii: bool,
}

/// Parses the command line, runs the command, and returns its exit code; what went wrong stands on stderr.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => console::run(&cli.console),
        Some(Command::Demo(args)) => demo::run(args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Schema) => schema::run(),
        Some(Command::Keys) => keys::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            failure.code()
        }
    }
}

/// Runs a command's asynchronous part to its end.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(format!("no threads can be started: {error}")))?;
    let done = runtime.block_on(work);
    // What still hangs on a dead server must not hold up the exit.
    runtime.shutdown_background();
    done
}

/// Returns the working directory.
fn working_dir() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| Failure::Runtime(format!("the working directory cannot be found: {error}")))
}
