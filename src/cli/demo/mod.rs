//! `shopper demo`: a city portal, the service that watches it and the mails it sends, on this
//! machine alone.

mod assessment;
mod bundle;
mod story;
mod table;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::app;
use crate::clock::Clock;
use crate::demo;

use super::{Exit, Fault, Global, output};

/// Where the demo's portal listens unless told otherwise.
const PORTAL: &str = "127.0.0.1:8600";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DemoArgs {
    #[command(subcommand)]
    command: Option<DemoCommand>,
    /// Play the story once, print the tables and the scores, write the report, and end.
    #[arg(long)]
    once: bool,
    /// Where the portal listens; another free port is taken when this one is in use.
    #[arg(long, value_name = "ADDRESS", default_value = PORTAL)]
    listen: SocketAddr,
    /// Where configuration, results and mails are kept.
    #[arg(long, value_name = "FOLDER", default_value = "shopper-demo")]
    folder: PathBuf,
}

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Break the portal of a running demo, or mend it.
    Fault(FaultArgs),
    /// Serve the portal alone, without the service.
    Portal {
        /// Where it listens; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = PORTAL)]
        listen: SocketAddr,
        /// Take mails as well, on a free port, and keep them in this folder.
        #[arg(long, value_name = "FOLDER")]
        mails: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct FaultArgs {
    /// What breaks; `list` names all.
    name: String,
    /// Whether it is broken.
    #[arg(value_enum, default_value = "on")]
    state: Switch,
    /// In this city only, such as demo-city.
    #[arg(long, value_name = "ID")]
    city: Option<String>,
    /// Where the demo's portal listens.
    #[arg(long, value_name = "ADDRESS", default_value = PORTAL)]
    portal: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// Break it.
    On,
    /// Mend it.
    Off,
}

pub(super) fn demo(global: &Global, args: DemoArgs) -> Result<Exit, Fault> {
    match args.command {
        Some(DemoCommand::Fault(args)) => app::block_on(fault(args)),
        Some(DemoCommand::Portal { listen, mails }) => app::block_on(portal(listen, mails)),
        None => {
            let (once, quiet) = (args.once, global.quiet);
            app::block_on(story::play(args.listen, args.folder, once, quiet))
        }
    }
}

async fn fault(args: FaultArgs) -> Result<Exit, Fault> {
    if args.name == "list" {
        for fault in demo::Fault::ALL {
            output::line(&format!("{:<14} {}", fault.name(), fault.effect_in_english()));
        }
        return Ok(Exit::Done);
    }
    if demo::Fault::from_name(&args.name).is_none() {
        let known = demo::Fault::ALL.iter().map(|fault| fault.name());
        return Err(Fault::unknown("fault", &args.name, known));
    }
    if let Some(city) = &args.city
        && demo::City::from_id(city).is_none()
    {
        let known = demo::City::ALL.iter().map(|city| city.id());
        return Err(Fault::unknown("city", city, known));
    }
    let on = args.state == Switch::On;
    demo::switch(args.portal, &args.name, on, args.city.as_deref()).await.map_err(|error| {
        Fault::input(
            output::with_causes(&error),
            "start `shopper demo` first; when it listens elsewhere, name the address with --portal",
        )
    })?;
    let place = args.city.as_deref().unwrap_or("all cities");
    output::line(&format!("{} is {} in {place}.", args.name, if on { "on" } else { "off" }));
    Ok(Exit::Done)
}

async fn portal(listen: SocketAddr, mails: Option<PathBuf>) -> Result<Exit, Fault> {
    // Whoever names a port wants that one; the story alone looks for another.
    let portal = demo::Portal::bind(listen, demo::PortalState::new(Clock::system()))
        .await
        .map_err(|source| app::AppError::Listen { address: listen, source: Box::new(source) })?;
    let sink = match &mails {
        None => None,
        Some(folder) => {
            let started = demo::sink::Sink::start(folder, demo::sink::Behaviour::default()).await;
            let (sink, inbox) =
                started.map_err(|source| app::AppError::Folder { path: folder.clone(), source })?;
            output::line(&format!("Mails to smtp://{} are kept in {}", sink.address(), folder.display()));
            Some((sink, inbox))
        }
    };
    output::line(&format!("The portal is at {}; press Ctrl-C to end.", portal.url(demo::City::ALL[0])));
    app::interrupted().cancelled().await;
    portal.stop().await;
    drop(sink);
    Ok(Exit::Done)
}
