//! `shopper observe posts import` and `shopper observe words`: what citizens write about portals.

use std::path::PathBuf;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use crate::app;
use crate::plan;
use crate::score::analysis::WordCount;
use crate::score::voices::words_by;
use crate::store::{Access, PostFilter};

use super::super::Format;
use super::{Desk, Exit, Fault, Global, Imported, Which, output, table};

#[derive(Debug, Args)]
pub(super) struct PostsArgs {
    /// The table: columns target, time, text and source, in any order.
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct WordsArgs {
    #[command(flatten)]
    which: Which,
    /// So many words; all of them when 0.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    most: usize,
}

pub(super) fn posts(global: &Global, args: &PostsArgs) -> Result<Exit, Fault> {
    let desk = Desk::new(global)?;
    let text = table(global, &args.file)?;
    let posts = plan::posts::read(&args.file, &text, &desk.plan.targets, &desk.zone, desk.now)?;
    let rows = posts.len();
    let store = desk.open(Access::Command)?;
    let new = app::block_on(async {
        let new = store.add_posts(posts).await.map_err(|source| desk.fault(source))?;
        store.close().await;
        Ok::<_, Fault>(new)
    })?;
    Imported::new(rows, new).tell(global, "post");
    Ok(Exit::Done)
}

pub(super) fn words(global: &Global, args: WordsArgs) -> Result<Exit, Fault> {
    let desk = Desk::new(global)?;
    let filter = PostFilter {
        target: desk.target(args.which.target)?,
        period: desk.period(args.which.period.as_deref())?,
    };
    let lists = app::voice_words(&desk.plan)?;
    let store = desk.open(Access::ReadOnly)?;
    let posts = app::block_on(async { store.posts(filter).await.map_err(|source| desk.fault(source)) })?;
    let mut words = words_by(&posts, &lists);
    if args.most > 0 {
        words.truncate(args.most);
    }
    if global.format == Format::Json {
        output::json(&words);
    } else {
        print(posts.len(), &words);
    }
    Ok(Exit::Done)
}

fn print(posts: usize, words: &[WordCount]) {
    if posts == 0 {
        output::line("There are no posts: import some with `shopper observe posts import FILE.csv`.");
        return;
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["word", "times", "posts", "says"]);
    for one in words {
        let says = match one.tone {
            1.. => "praise",
            0 => "",
            ..0 => "complaint",
        };
        table.add_row([
            output::tame(&one.word),
            one.count.to_string(),
            one.posts.to_string(),
            says.to_owned(),
        ]);
    }
    output::line(&table.to_string());
    output::line(&format!("Words of {}.", plan::counted(posts, "post")));
}
