//! Figures as SVG files in the light colours, without CSS variables, which only browsers support.

use std::sync::LazyLock;

use maud::{PreEscaped, html};

use super::{COLOURS, FIGURE_STYLE, Figure};

static STYLE: LazyLock<String> = LazyLock::new(|| static_style(FIGURE_STYLE));

/// Writes the figure as an SVG file in the light colours, without CSS variables.
pub fn svg(figure: &Figure) -> String {
    let (width, height) = (figure.width, figure.height);
    let drawing = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) {
            title { (figure.description) }
            style { (PreEscaped(STYLE.as_str())) }
            rect width=(width) height=(height) fill="#ffffff" {}
            (figure.drawing)
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", drawing.into_string())
}

/// The style sheet with its variables replaced by their light values; rules with an arm's colour once for each colour.
fn static_style(style: &str) -> String {
    let light = style.split("@media").next().unwrap_or_default();
    let after = style.split("}}").nth(1).unwrap_or_default();
    let mut shared: Vec<(String, String)> = Vec::new();
    let mut colours = vec![String::new(); COLOURS];
    let mut text = String::new();
    for rule in light.split('}').chain(after.split('}')) {
        let Some((selector, declarations)) = rule.trim().split_once('{') else { continue };
        let mut kept = Vec::new();
        for declaration in declarations.split(';') {
            match declaration.split_once(':') {
                Some(("--arm", value)) => {
                    let position =
                        selector.strip_prefix(".c").and_then(|number| number.parse::<usize>().ok());
                    if let Some(colour) = position.and_then(|position| colours.get_mut(position)) {
                        *colour = value.to_string();
                    }
                }
                Some((name, value)) if name.starts_with("--") => {
                    shared.push((name.to_string(), value.to_string()))
                }
                Some(_) => kept.push(declaration.to_string()),
                None => {}
            }
        }
        let mut declarations = kept.join(";");
        for (name, value) in &shared {
            declarations = declarations.replace(&format!("var({name})"), value);
        }
        if declarations.contains("var(--arm)") {
            for (position, colour) in colours.iter().enumerate() {
                let selectors: Vec<String> =
                    selector.split(',').map(|one| format!(".c{position} {one}")).collect();
                text.push_str(&format!(
                    "{}{{{}}}\n",
                    selectors.join(","),
                    declarations.replace("var(--arm)", colour)
                ));
            }
        } else if !declarations.is_empty() {
            text.push_str(&format!("{selector}{{{declarations}}}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_is_left_and_every_colour_has_its_rule() {
        assert!(!STYLE.contains("var(") && !STYLE.contains("--"), "{}", *STYLE);
        assert!(STYLE.contains(".c0 .dot{fill:#0072b2"), "{}", *STYLE);
        assert!(STYLE.contains(&format!(".c{} .mean", COLOURS - 1)));
        assert!(STYLE.contains(".grid{stroke:#dde2e8"));
    }
}
