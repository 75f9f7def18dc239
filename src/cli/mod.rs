//! The command line: a file per command.
//!
//! Invariant: a command prints and returns an [`Exit`]; it never ends the process by itself.
//! What is printed for machines goes to stdout and follows a published schema; progress, hints
//! and faults go to stderr.

mod ack;
mod backup;
mod check;
mod completions;
mod crawl;
mod daemon;
mod demo;
mod doctor;
mod export;
mod incidents;
mod load;
mod lone;
mod mail;
mod observe;
mod out_file;
mod output;
mod report;
mod restore;
mod run;
mod schema;
mod score;
mod silence;
mod status;
mod verify;
mod visit;
mod waterfall;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use load::Fault;

/// How a command ended. The numbers are a contract (design, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Pass, or done.
    Done = 0,
    /// The portal failed or is degraded.
    Portal = 1,
    /// Bad input: usage, configuration, scenario.
    BadInput = 2,
    /// Inconclusive: our own fault.
    OwnFault = 3,
    /// Interrupted.
    Interrupted = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Walks citizen journeys through government portals in real browsers and records what can really be done online.
#[derive(Debug, Parser)]
#[command(name = "shopper", version, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command knows.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = "probes.toml", env = "SHOPPER_CONFIG")]
    config: PathBuf,
    /// For people, or for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Print results only.
    #[arg(long, short, global = true)]
    quiet: bool,
}

/// Who reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// People.
    Human,
    /// Programs.
    Json,
    /// Programs, an object a line: `export` only.
    Jsonl,
    /// Spreadsheets: `export`, `crawl` and `report` only.
    Csv,
    /// Programs that read columns: `export` only.
    Parquet,
    /// Build servers, as XML: `crawl` only.
    Junit,
    /// People, as a page: `report` only.
    Html,
    /// People, on paper: `report` only.
    Pdf,
    /// Spreadsheets, as a workbook: `report` only.
    Xlsx,
    /// People, as Markdown: `report` only.
    Md,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything on a bundled city portal: a walk, an outage, the mail, the recovery.
    Demo(demo::DemoArgs),
    /// Check the configuration and every scenario, and list all faults.
    Check(check::CheckArgs),
    /// Make one run, at once, and print the walk as it happens.
    Run(run::RunArgs),
    /// Run the service: walk by schedule, keep results, mail outages.
    Daemon(daemon::DaemonArgs),
    /// Visit one page by HTTP.
    Visit(visit::VisitArgs),
    /// Check the links of a page and of the pages below it.
    Crawl(crawl::CrawlArgs),
    /// Say how every target and the agent itself are doing.
    Status(status::StatusArgs),
    /// List what was wrong, and what is.
    Incidents(incidents::IncidentsArgs),
    /// Take an incident upon yourself: nobody is reminded any more.
    Ack(ack::AckArgs),
    /// Tell nobody for a while.
    Silence(silence::SilenceArgs),
    /// Keep what people saw, and say how well they agree.
    Observe(observe::ObserveArgs),
    /// Score every target by a profile, and rank them.
    Score(score::ScoreArgs),
    /// Write an assessment as a page, PDF, workbook, table or letter.
    Report(report::ReportArgs),
    /// Write results for other programs.
    Export(export::ExportArgs),
    /// Say whether the records are as they were written.
    Verify(verify::VerifyArgs),
    /// Copy everything that is kept, beside a running daemon.
    Backup(backup::BackupArgs),
    /// Make a data folder of a backup.
    Restore(restore::RestoreArgs),
    /// Try whether people can be told.
    Mail(mail::MailArgs),
    /// Look whether everything that is needed is there.
    Doctor(doctor::DoctorArgs),
    /// Print a JSON Schema.
    Schema(schema::SchemaArgs),
    /// Print completions for a shell.
    Completions(completions::CompletionsArgs),
}

/// Does what the arguments say.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that went away (`shopper --help | head`) is no fault.
            let _ = error.print();
            let wanted = !error.use_stderr();
            return if wanted { Exit::Done.into() } else { Exit::BadInput.into() };
        }
    };
    let global = cli.global;
    if let Some(who) = elsewhere(global.format, &cli.command) {
        output::complain(&Fault::input(who, "leave --format out, or write --format json"));
        return Exit::BadInput.into();
    }
    if !matches!(cli.command, Command::Daemon(_)) {
        // The demo tells its own story; a warning about the outage that it made would only confuse.
        let telling = matches!(cli.command, Command::Demo(_));
        output::log_to_stderr(if telling { "error" } else { "warn" });
    }
    let done = match cli.command {
        Command::Demo(args) => demo::demo(&global, args),
        Command::Check(args) => check::check(&global, &args),
        Command::Run(args) => run::run(&global, &args),
        Command::Daemon(args) => daemon::daemon(&global, &args),
        Command::Visit(args) => visit::visit(&global, args),
        Command::Crawl(args) => crawl::crawl(&global, &args),
        Command::Status(args) => status::status(&global, &args),
        Command::Incidents(args) => incidents::incidents(&global, &args),
        Command::Ack(args) => ack::ack(&global, args),
        Command::Silence(args) => silence::silence(&global, args),
        Command::Observe(args) => observe::observe(&global, args),
        Command::Score(args) => score::score(&global, &args),
        Command::Report(args) => report::report(&global, &args),
        Command::Export(args) => export::export(&global, &args),
        Command::Verify(args) => verify::verify(&global, &args),
        Command::Backup(args) => backup::backup(&global, &args),
        Command::Restore(args) => restore::restore(&global, &args),
        Command::Mail(args) => mail::mail(&global, &args),
        Command::Doctor(args) => doctor::doctor(&global, &args),
        Command::Schema(args) => Ok(schema::schema(&args)),
        Command::Completions(args) => Ok(completions::completions(&args)),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(fault) => {
            output::complain(&fault);
            fault.exit().into()
        }
    }
}

/// Who writes a form that this command does not.
fn elsewhere(format: Format, command: &Command) -> Option<&'static str> {
    let (export, crawl) = (matches!(command, Command::Export(_)), matches!(command, Command::Crawl(_)));
    let report = matches!(command, Command::Report(_));
    match format {
        Format::Human | Format::Json => None,
        Format::Jsonl => (!export).then_some("only `shopper export` writes jsonl"),
        Format::Parquet => (!export).then_some("only `shopper export` writes parquet"),
        Format::Csv => (!export && !crawl && !report)
            .then_some("only `shopper export`, `shopper crawl` and `shopper report` write csv"),
        Format::Junit => (!crawl).then_some("only `shopper crawl` writes junit"),
        Format::Html | Format::Pdf | Format::Xlsx | Format::Md => {
            (!report).then_some("only `shopper report` writes html, pdf, xlsx and md")
        }
    }
}
