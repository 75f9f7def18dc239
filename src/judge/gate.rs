//! The gate: what stood there when it was reached, and what that is worth.
//!
//! `online_ready` says that a citizen would only have had to press the button. A button that cannot be
//! pressed, or a form that the page itself does not accept, is something else. Whose fault it is:
//!
//! * Fields that the page does not accept, and materials that are missing, are **ours**: the script
//!   left them out, or put something in that belongs to nobody. `script_rot`.
//! * A promise that nobody has ticked yet is given with the press, and no more lacking than the press.
//! * A button under something else (a notice that has to be closed), or one that never stands still, is
//!   ours as well: a person would have dealt with that first.
//! * A button that stays disabled while the page accepts every field may still wait for a box that
//!   nobody ticked, or a field whose rule no markup tells. Only where nothing is left to fill in, and
//!   the page has told what it needs and accepted all of it, is it the **portal's**: `broken`.
//!
//! Invariant: whatever is in doubt is ours.

use crate::domain::observation::GateFact;
use crate::domain::outcome::Outcome;

/// How a step ends that reached the gate, and why, when it is not `online_ready`.
pub fn at_gate(gate: &GateFact) -> (Outcome, Option<String>) {
    let button = &gate.button;
    let lacking = lacking(gate);
    if !lacking.is_empty() {
        let why = format!(
            "The button `{button}` stands there, but the page does not accept the form yet: {}. Have the scenario fill in what is needed.",
            lacking.join("; ")
        );
        return (Outcome::ScriptRot, Some(why));
    }
    if gate.enabled {
        return (Outcome::OnlineReady, None);
    }
    let told = gate.required > 0 && gate.validated >= gate.required;
    match gate.obstacle.as_str() {
        "disabled" if told && gate.open == 0 => {
            let why = format!(
                "The button `{button}` stays disabled although the page accepts all {} fields that it checks and nothing is left to fill in.",
                gate.validated
            );
            (Outcome::Broken, Some(why))
        }
        "disabled" if gate.open > 0 => {
            let fields = if gate.open == 1 { "field or box is" } else { "fields or boxes are" };
            let why = format!(
                "The button `{button}` is disabled, and {} {fields} still empty. Have the scenario fill in or tick what the page waits for.",
                gate.open
            );
            (Outcome::ScriptRot, Some(why))
        }
        "disabled" => {
            let why = format!(
                "The button `{button}` is disabled, and the page does not tell by its markup what it waits for. Look at the picture, and have the scenario do that first."
            );
            (Outcome::ScriptRot, Some(why))
        }
        obstacle => {
            let obstacle = if obstacle.is_empty() { "not ready" } else { obstacle };
            let why = format!(
                "The button `{button}` is there and could not have been pressed: it is {obstacle}. Have the scenario do first what a person would do."
            );
            (Outcome::ScriptRot, Some(why))
        }
    }
}

/// What the page does not accept, in words.
fn lacking(gate: &GateFact) -> Vec<String> {
    let fields = gate.invalid.iter().map(|field| format!("`{field}`"));
    let missing = gate.missing.iter().map(|label| format!("no file in `{label}`"));
    fields.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> GateFact {
        GateFact {
            button: "提交申请".to_owned(),
            enabled: true,
            required: 3,
            validated: 5,
            ..GateFact::default()
        }
    }

    fn disabled() -> GateFact {
        GateFact { enabled: false, obstacle: "disabled".to_owned(), ..ready() }
    }

    #[test]
    fn what_stood_at_the_gate_decides() {
        let list = |text: &str| vec![text.to_owned()];
        let cases = [
            ("all is ready", ready(), Outcome::OnlineReady, ""),
            (
                "a page of confirmation has no fields",
                GateFact { required: 0, validated: 0, ..ready() },
                Outcome::OnlineReady,
                "",
            ),
            (
                "a promise is given with the press",
                GateFact { open: 1, pledges: list("我已阅读并承诺"), ..ready() },
                Outcome::OnlineReady,
                "",
            ),
            (
                "a button that waits for the promise waits for us",
                GateFact { open: 1, pledges: list("我已阅读并承诺"), ..disabled() },
                Outcome::ScriptRot,
                "still empty",
            ),
            ("optional fields may stay empty", GateFact { open: 4, ..ready() }, Outcome::OnlineReady, ""),
            (
                "a field that we left empty is ours",
                GateFact { invalid: list("企业名称: 请填写此字段。"), ..ready() },
                Outcome::ScriptRot,
                "企业名称",
            ),
            (
                "and so is a material",
                GateFact { missing: list("营业执照"), ..ready() },
                Outcome::ScriptRot,
                "no file in `营业执照`",
            ),
            (
                "a disabled button waits for the field that we left empty",
                GateFact { invalid: list("企业名称"), ..disabled() },
                Outcome::ScriptRot,
                "企业名称",
            ),
            (
                "a disabled button may wait for a box without a rule",
                GateFact { open: 1, ..disabled() },
                Outcome::ScriptRot,
                "1 field or box is still empty",
            ),
            (
                "a page that tells nothing leaves it in doubt, and doubt is ours",
                GateFact { required: 0, validated: 0, ..disabled() },
                Outcome::ScriptRot,
                "does not tell",
            ),
            (
                "all is filled in and accepted, and still it cannot be pressed: the portal's",
                disabled(),
                Outcome::Broken,
                "stays disabled",
            ),
            (
                "a notice lies over it",
                GateFact { obstacle: "covered".to_owned(), ..disabled() },
                Outcome::ScriptRot,
                "it is covered",
            ),
        ];
        for (name, gate, want, says) in cases {
            let (outcome, why) = at_gate(&gate);
            assert_eq!(outcome, want, "{name}");
            assert_eq!(why.is_none(), want == Outcome::OnlineReady, "{name}");
            assert!(why.unwrap_or_default().contains(says), "{name}");
        }
    }
}
