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
    /// A scoring profile.
    Profile,
    /// What `shopper run --format json` prints for one run; for several runs (`--repeat`, a probe of several targets) it prints a list of such objects.
    Run,
    /// What `shopper verify --format json` prints; `backup` and `restore` print it as well, `backup` in `verified`.
    Verify,
    /// What `shopper report --format json` writes.
    Report,
    /// What `shopper observe import`, `add` and `posts import` print with `--format json`.
    ObserveImport,
    /// What `shopper observe list --format json` prints.
    ObserveList,
    /// What `shopper observe compare --format json` prints.
    ObserveCompare,
    /// What `shopper observe words --format json` prints.
    ObserveWords,
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
        Of::Profile => schema(Kind::Profile),
        Of::Run => written(&schemars::schema_for!(crate::domain::run::Run)),
        Of::Verify => written(&schemars::schema_for!(crate::store::VerifyReport)),
        Of::Report => crate::report::schema().unwrap_or_default(),
        Of::ObserveImport => written(&schemars::schema_for!(super::observe::Imported)),
        Of::ObserveList => written(&schemars::schema_for!(Vec<crate::domain::coding::Coding>)),
        Of::ObserveCompare => written(&schemars::schema_for!(Vec<crate::score::agreement::Comparison>)),
        Of::ObserveWords => written(&schemars::schema_for!(Vec<crate::score::analysis::WordCount>)),
        Of::Score => written(&schemars::schema_for!(crate::app::Scored)),
        Of::Webhook => written(&schemars::schema_for!(crate::webhook::payload::Payload)),
    };
    super::output::line(text.trim_end());
    Exit::Done
}

fn written(schema: &schemars::Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}
