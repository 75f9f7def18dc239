//! Names of keys, as Playwright's users know them, and what WebDriver calls them
//! (<https://www.w3.org/TR/webdriver2/#keyboard-actions>).

use serde_json::{Value, json};

const NAMED: &[(&str, char)] = &[
    ("Backspace", '\u{E003}'),
    ("Tab", '\u{E004}'),
    ("Enter", '\u{E007}'),
    ("Return", '\u{E007}'),
    ("Shift", '\u{E008}'),
    ("Control", '\u{E009}'),
    ("Ctrl", '\u{E009}'),
    ("ControlOrMeta", '\u{E009}'),
    ("Alt", '\u{E00A}'),
    ("Pause", '\u{E00B}'),
    ("Escape", '\u{E00C}'),
    ("Esc", '\u{E00C}'),
    ("Space", ' '),
    ("PageUp", '\u{E00E}'),
    ("PageDown", '\u{E00F}'),
    ("End", '\u{E010}'),
    ("Home", '\u{E011}'),
    ("ArrowLeft", '\u{E012}'),
    ("ArrowUp", '\u{E013}'),
    ("ArrowRight", '\u{E014}'),
    ("ArrowDown", '\u{E015}'),
    ("Insert", '\u{E016}'),
    ("Delete", '\u{E017}'),
    ("F1", '\u{E031}'),
    ("F2", '\u{E032}'),
    ("F3", '\u{E033}'),
    ("F4", '\u{E034}'),
    ("F5", '\u{E035}'),
    ("F6", '\u{E036}'),
    ("F7", '\u{E037}'),
    ("F8", '\u{E038}'),
    ("F9", '\u{E039}'),
    ("F10", '\u{E03A}'),
    ("F11", '\u{E03B}'),
    ("F12", '\u{E03C}'),
    ("Meta", '\u{E03D}'),
];

/// What WebDriver calls a key: a named one, or a single character.
fn key(name: &str) -> Option<String> {
    let named = NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, code)) = named {
        return Some(code.to_string());
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(_), None) => Some(name.to_owned()),
        _ => None,
    }
}

/// Down and up of one character. A line break is Enter, a tab is Tab.
pub fn stroke(character: &str) -> [Value; 2] {
    let value = match character {
        "\n" | "\r" => "\u{E007}",
        "\t" => "\u{E004}",
        other => other,
    };
    [json!({ "type": "keyDown", "value": value }), json!({ "type": "keyUp", "value": value })]
}

/// Keys of a chord go down in order and up in the opposite order; [`None`] when one is unknown.
pub fn chord(chord: &str) -> Option<Vec<Value>> {
    // "Control++" presses the plus key.
    let names: Vec<&str> = match chord.strip_suffix("++") {
        Some(rest) => rest.split('+').chain(["+"]).collect(),
        None if chord == "+" => vec!["+"],
        None => chord.split('+').collect(),
    };
    let keys = names.into_iter().map(|name| if name.len() > 1 { key(name.trim()) } else { key(name) });
    let mut keys = keys.collect::<Option<Vec<String>>>()?;
    let modified = keys.len() > 1;
    if let Some(last) = keys.last_mut()
        && modified
        && last.len() == 1
        && !keys_shift(chord)
    {
        // Control+A means the key, not the capital letter.
        *last = last.to_ascii_lowercase();
    }
    let down = keys.iter().map(|key| json!({ "type": "keyDown", "value": key }));
    let up = keys.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
    Some(down.chain(up).collect())
}

fn keys_shift(chord: &str) -> bool {
    chord.split('+').any(|name| name.trim().eq_ignore_ascii_case("shift"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str) -> Option<String> {
        let strokes = chord(name)?;
        Some(
            strokes
                .iter()
                .map(|stroke| {
                    let way = if stroke["type"] == "keyDown" { '+' } else { '-' };
                    format!("{way}{}", stroke["value"].as_str().unwrap_or_default().escape_unicode())
                })
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    #[test]
    fn chords_press_in_order_and_release_backwards() {
        let cases = [
            ("Enter", Some("+\\u{e007} -\\u{e007}")),
            ("enter", Some("+\\u{e007} -\\u{e007}")),
            ("Control+A", Some("+\\u{e009} +\\u{61} -\\u{61} -\\u{e009}")),
            ("Shift+A", Some("+\\u{e008} +\\u{41} -\\u{41} -\\u{e008}")),
            ("Control++", Some("+\\u{e009} +\\u{2b} -\\u{2b} -\\u{e009}")),
            ("+", Some("+\\u{2b} -\\u{2b}")),
            ("办", Some("+\\u{529e} -\\u{529e}")),
            ("Entre", None),
            ("", None),
        ];
        for (name, want) in cases {
            assert_eq!(written(name).as_deref(), want, "{name}");
        }
    }
}
