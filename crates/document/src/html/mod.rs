//! Documents as HTML: one self-contained file, complete without its script.

mod table;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::block::{Block, Document, GalleryItem, Size};
use crate::cell::{Badge, Tone};
use crate::figure::{FIGURE_STYLE, Figure, series_classes};
use crate::text::{Span, Text};

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = include_str!("script.js");

/// Returns blocks as a part of a page, for pages with a frame of their own that link [`style_sheet`].
///
/// ```
/// use allconv_document::{Block, html};
///
/// assert_eq!(html::part(&[Block::paragraph("2 < 3")]).into_string(), "<p>2 &lt; 3</p>");
/// ```
pub fn part(blocks: &[Block]) -> Markup {
    self::blocks(blocks)
}

/// Returns the style sheet of pages and figures, with a legend of at most `series` series.
pub fn style_sheet(series: usize) -> String {
    [STYLE, FIGURE_STYLE, &toggles(series)].concat()
}

/// The document as a page; `data`, a JSON text, is embedded for programs.
pub fn page(document: &Document, data: Option<&str>) -> String {
    let series = legend_names(&document.blocks).map_or(0, <[String]>::len);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "allconv " (env!("CARGO_PKG_VERSION")) };
                title { (document.title.plain_text()) }
                style { (PreEscaped(style_sheet(series))) }
            }
            body {
                header {
                    @if !document.kicker.is_empty() { p.kicker { (text(&document.kicker)) } }
                    h1 { (text(&document.title)) }
                }
                (contents(&document.blocks))
                main {
                    @for (index, section) in sections(&document.blocks).enumerate() {
                        section id={ "part-" (index) } { (blocks(section)) }
                    }
                }
                @if !document.origin.is_empty() { footer { (document.origin) } }
                // The policy above prevents this from being executed.
                @if let Some(data) = data {
                    script type="application/json" id="results" { (PreEscaped(data.replace('<', "\\u003c"))) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// Headings of level 2 from which on a page has a list of them.
const LEAST_CONTENTS: usize = 4;

/// The list of the sections, as links; nothing on a short page.
fn contents(blocks: &[Block]) -> Markup {
    let headings: Vec<(usize, &Text)> = sections(blocks)
        .enumerate()
        .filter_map(|(index, section)| match section.first() {
            Some(Block::Heading(2, heading)) => Some((index, heading)),
            _ => None,
        })
        .collect();
    html! {
        @if headings.len() >= LEAST_CONTENTS {
            nav.contents aria-label="Contents" {
                @for (index, heading) in headings { a href={ "#part-" (index) } { (text(heading)) } " " }
            }
        }
    }
}

/// Returns the security policy of a page, which contains it: only the page's own script runs and nothing is fetched, whatever the
/// document contains.
pub fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}

/// Rules by which the boxes of the legend hide series, without a script.
fn toggles(series: usize) -> String {
    (0..series)
        .map(|index| format!("body:has(#show-a{index}:not(:checked)) .toggled .a{index}{{display:none}}"))
        .collect()
}

fn legend_names(blocks: &[Block]) -> Option<&[String]> {
    blocks.iter().find_map(|block| match block {
        Block::Legend { names, .. } => Some(names.as_slice()),
        _ => None,
    })
}

/// The blocks, divided before every heading of level 2.
fn sections(blocks: &[Block]) -> impl Iterator<Item = &[Block]> {
    blocks.chunk_by(|_, next| !matches!(next, Block::Heading(2, _))).filter(|section| !section.is_empty())
}

fn blocks(blocks: &[Block]) -> Markup {
    html! { @for one in blocks { (block(one)) } }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Heading(2, content) => html! { h2 { (text(content)) } },
        Block::Heading(3, content) => html! { h3 { (text(content)) } },
        Block::Heading(_, content) => html! { h4 { (text(content)) } },
        Block::Paragraph(content) => html! { p { (text(content)) } },
        Block::Remark(content) => html! { p.soft.small { (text(content)) } },
        Block::Note { label, texts } => note(label, texts),
        Block::List(items) => html! { ul { @for item in items { li { (text(item)) } } } },
        Block::Verdicts(verdicts) => html! {
            ul.answers { @for (word, inner) in verdicts { li { div { (badge(word)) } div { (blocks(inner)) } } } }
        },
        Block::Facts(facts) => html! {
            dl { @for (name, value) in facts { dt { (name) } dd { (text(value)) } } }
        },
        Block::Table(found) => table::table(found),
        Block::Code { text, .. } => html! { pre { (text) } },
        Block::Figures { figures, caption, is_chosen } => self::figures(figures, caption, *is_chosen),
        Block::Legend { caption, names } => legend(caption, names),
        Block::Image { target, description } => html! { p { a href=(target) { (description) } } },
        Block::Gallery(size, items) => gallery(*size, items),
        Block::Details { summary, is_open, blocks: inner } => html! {
            details open[*is_open] { summary { (text(summary)) } (blocks(inner)) }
        },
    }
}

fn note(label: &str, texts: &[Text]) -> Markup {
    html! {
        div.note role="note" {
            @if let [only] = texts {
                p { strong { (label) } " " (text(only)) }
            } @else {
                p { strong { (label) } }
                ul { @for one in texts { li { (text(one)) } } }
            }
        }
    }
}

fn figures(figures: &[Figure], caption: &Text, is_chosen: bool) -> Markup {
    html! {
        figure class=[is_chosen.then_some("toggled")] {
            @if let [only] = figures {
                div.scroll { (only.inline()) }
            } @else {
                div.pair { @for figure in figures { div { (figure.inline()) } } }
            }
            @if !caption.is_empty() { figcaption { (text(caption)) } }
        }
    }
}

fn legend(caption: &str, names: &[String]) -> Markup {
    html! {
        fieldset.legend {
            legend { (caption) }
            @for (index, name) in names.iter().enumerate() {
                label class=(series_classes(index)) {
                    input type="checkbox" id={ "show-a" (index) } checked;
                    span.swatch {} (name)
                }
            }
        }
    }
}

fn gallery(size: Size, items: &[GalleryItem]) -> Markup {
    let class = match size {
        Size::Small => "gallery",
        Size::Medium => "gallery pictures",
        Size::Large => "gallery sheets",
    };
    html! {
        ul class=(class) {
            @for item in items {
                li {
                    @if let Some(png) = &item.png {
                        img alt=(item.description) src={ "data:image/png;base64," (STANDARD.encode(png)) };
                    }
                    @for line in &item.lines { p { (text(line)) } }
                }
            }
        }
    }
}

/// The badge in its colour.
fn badge(badge: &Badge) -> Markup {
    let class = match badge.tone {
        Tone::Good => "badge better",
        Tone::Bad => "badge worse",
        Tone::Same => "badge same",
        Tone::Neutral => "badge",
    };
    html! { span class=(class) { (badge.label) } }
}

fn text(text: &Text) -> Markup {
    html! { @for part in text.spans() { (span(part)) } }
}

fn span(span: &Span) -> Markup {
    match span {
        Span::Plain(words) => html! { (words) },
        Span::Code(words) => html! { code { (words) } },
        Span::Emphasis(words) => html! { em { (words) } },
        Span::Strong(words) => html! { strong { (words) } },
        Span::Soft(words) => html! { span.soft { (words) } },
        Span::Link { label, target } => html! { a href=(target) { (label) } },
        Span::Series { index, name } => {
            html! { span class=(series_classes(*index)) { span.swatch {} } (name) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_fetches_nothing_and_text_stays_text() {
        let document = Document {
            title: "Is <b> bold?".into(),
            blocks: vec![Block::paragraph("<script>alert(1)</script> `name`"), Block::heading(2, "Second")],
            ..Document::default()
        };
        let page = page(&document, Some("{\"a\":\"</script>\"}"));
        assert!(page.contains("<title>Is &lt;b&gt; bold?</title>"), "{page}");
        assert!(page.contains("<p>&lt;script&gt;alert(1)&lt;/script&gt; <code>name</code></p>"), "{page}");
        assert!(page.contains("{\"a\":\"\\u003c/script>\"}"), "{page}");
        assert_eq!((page.matches("<section ").count(), page.matches("<script").count()), (2, 2));
        assert!(!page.contains(" src=") && !page.contains("href="), "{page}");
    }

    #[test]
    fn a_long_page_links_its_sections() {
        let headings = |count: usize| (0..count).map(|index| Block::heading(2, format!("Part <{index}>")));
        let page = |count| page(&Document { blocks: headings(count).collect(), ..Document::default() }, None);
        assert!(!page(LEAST_CONTENTS - 1).contains("<nav"));
        let long = page(LEAST_CONTENTS);
        for index in 0..LEAST_CONTENTS {
            assert!(long.contains(&format!("<a href=\"#part-{index}\">Part &lt;{index}&gt;</a>")), "{long}");
            assert!(long.contains(&format!("<section id=\"part-{index}\">")), "{long}");
        }
    }

    #[test]
    fn the_legend_hides_series_of_the_figures_that_it_applies_to() {
        let legend = Block::Legend { caption: "Arms".into(), names: vec!["a".into(), "b".into()] };
        let document = Document { blocks: vec![legend], ..Document::default() };
        let page = page(&document, None);
        assert!(page.contains("#show-a1:not(:checked)) .toggled .a1{display:none}"), "{page}");
        assert!(!page.contains("show-a2"));
    }
}
