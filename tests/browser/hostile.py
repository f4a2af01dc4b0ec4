"""Texts that would do something if they were taken for Markdown or HTML, and what a page of ours may be made of."""

from __future__ import annotations

from playwright.sync_api import Page

HOSTILE = (
    "x ![x](http://evil.example/b.png)",
    "![x](https:evil.example:8443).mp4",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    r"$\href{http://evil.example}{x}$ $$y$$",
    ":material/home: :smile: :streamlit: :red[x] :material_home:",
    "http://evil.example/a www.evil.example a@evil.example",
    "<http://evil.example> <a@evil.example>",
    "</script><script>alert(1)</script>",
    "{{7*7}} ${7*7} {% raw %}",
    "&lt;b&gt; &#60;img&#62; &copy;",
    "# heading",
    "- list",
    "1. list",
    "> quote",
    "    code",
    "--- === ***",
    "| a | b |",
    "`code` ```x``` ~~~y~~~ ~z~",
    "**a** __b__ _c_ *d* \\*e\\*",
    "a <-> b -> c <- d -- e >= f <= g ~= h",
    "[x]: http://evil.example 'y'",
    "[^1] ::leaf[x] :::container",
    "ends with : or www",
    "at 14:03:10.9, cam_1 0:01:23 (50 %)",
    "naïve Ω 人 עברית العربية",
    "x" * 300,
)

_FOREIGN = """(server) => {
  const found = [], roots = [document];
  const isOurs = (address) => /^(data|blob):/.test(address) || new URL(address, location.href).origin === server;
  while (roots.length) {
    for (const element of roots.pop().querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      for (const { name, value } of element.attributes) {
        const leads = ["href", "src", "srcset", "action", "formaction", "poster", "data", "xlink:href", "ping"];
        if (leads.includes(name) && value && !isOurs(value)) found.push(`${element.tagName} ${name}=${value}`);
        if (/^on/.test(name)) found.push(`${element.tagName} ${name}=${value}`);
        if (name === "style" && /url\\(/.test(value)) found.push(`${element.tagName} ${name}=${value}`);
      }
      if (/^(IFRAME|OBJECT|EMBED|BASE|MATH)$/.test(element.tagName)) found.push(element.tagName);
      if (element.matches(".katex, [data-testid=stMarkdownContainer] img")) found.push(element.outerHTML.slice(0, 80));
    }
  }
  return found;
}"""


def foreign_elements(tab: Page, server: str) -> list[str]:
    """What on the page leads to another machine, or runs; nothing that the app draws does."""
    found: list[str] = tab.evaluate(_FOREIGN, server)
    return found


def page_text(tab: Page) -> str:
    """The text of the page, that in shadow trees as well."""
    text: str = tab.evaluate(
        """() => {
          const texts = [document.body.innerText];
          const walk = (root) => root.querySelectorAll("*").forEach((element) => {
            if (!element.shadowRoot) return;
            texts.push(...[...element.shadowRoot.children].map((child) => child.innerText ?? ""));
            walk(element.shadowRoot);
          });
          walk(document);
          return texts.join("\\n");
        }"""
    )
    return text


def visible_text(text: str) -> str:
    """Without the word joiners, which have no width."""
    return text.replace("\u2060", "")
