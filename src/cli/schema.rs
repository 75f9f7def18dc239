//! `shopper schema`: JSON Schemas of what is read and written.

use clap::{Args, ValueEnum};

use super::Exit;

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of what.
    #[arg(value_enum)]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// `probes.toml`
    Probes,
    /// A scenario file.
    Scenario,
    /// A fragment file.
    Fragment,
    /// A lexicon file.
    Lexicon,
    /// What `shopper run --format json` prints for one run; for several runs (`--repeat`, a probe of several targets) it prints a list of such objects.
    Run,
    /// What `shopper verify --format json` prints; `backup` and `restore` print it as well, `backup` in `verified`.
    Verify,
    /// What `shopper score --format json` prints.
    Score,
    /// What a webhook with the template `generic` is sent.
    Webhook,
}

pub(super) fn schema(args: &SchemaArgs) -> Exit {
    use crate::plan::schema::{Kind, schema};
    let text = match args.of {
        Of::Probes => schema(Kind::Probes),
        Of::Scenario => schema(Kind::Scenario),
        Of::Fragment => schema(Kind::Fragment),
        Of::Lexicon => schema(Kind::Lexicon),
        Of::Run => written(&schemars::schema_for!(crate::domain::run::Run)),
        Of::Verify => written(&schemars::schema_for!(crate::store::VerifyReport)),
        Of::Score => written(&schemars::schema_for!(crate::app::Scored)),
        Of::Webhook => written(&schemars::schema_for!(crate::webhook::payload::Payload)),
    };
    super::output::line(text.trim_end());
    Exit::Done
}

fn written(schema: &schemars::Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}
