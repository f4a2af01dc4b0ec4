"""Log: what was done in the case, when and by whom, and whether anybody has changed that since."""

import streamlit as st

from core.base.errors import StoreError
from core.base.text import format_count
from core.http import download_name
from core.machine.chain import Log
from core.workspace import services
from core.workspace.cases import LOG_TABLE, Case
from pages.parts.shell.open_case import require_case
from pages.parts.shell.page_head import page_head

_ROW_PX, _MOST_ROWS = 35, 18
_WIDTHS = {"Entry": 60, "When": 160, "Who": 110, "Kind": 90}


def show_state(log: Log, earlier: int) -> None:
    """Whether the chain holds, and where it does not."""
    if log.fault:
        st.error(
            f"**The log is broken: {log.fault.description}.** Somebody changed its files, or the disk is damaged. "
            "Compare it with a back-up or with an export.",
            icon=":material/link_off:",
        )
    elif log.rows:
        entries = format_count(len(log.rows), "entry", "entries")
        erased = f", {len(log.erased)} of them erased" if log.erased else ""
        st.markdown(
            f":material/verified: **Verified: {entries}{erased}.** The hash of the last one is in every export."
        )
        st.code(log.head.hash, language=None, wrap_lines=True)
    if earlier:
        lines = format_count(earlier, "line is", "lines are")
        st.caption(f"{lines} from before Sightline chained its log, and cannot be verified.")


def table_rows(log: Log, earlier: list[str]) -> list[dict[str, str]]:
    """The rows of the table, newest first."""
    rows = [
        {
            "Entry": str(row.number),
            "When": row.when.replace("T", " "),
            "Who": row.who,
            "Kind": row.kind,
            "What": row.text,
        }
        for row in reversed(log.rows)
    ]
    for line in reversed(earlier):
        when, _, what = line.partition(" ")
        rows.append({"Entry": "–", "When": when.replace("T", " "), "Who": "", "Kind": "unverified", "What": what})
    return rows


def show_table(case: Case, rows: list[dict[str, str]]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search", placeholder="a word, a name, a date", key=f"log search {case.key}", width=320)
        st.download_button(
            "Download as CSV",
            lambda: services().cases.log_files(case.key)[LOG_TABLE],
            file_name=download_name(case, "-log.csv"),
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    words = search.casefold().split()
    found = [row for row in rows if all(word in " ".join(row.values()).casefold() for word in words)]
    if not found:
        st.info("**No entry has these words.** Search for something else.", icon=":material/search_off:")
        return
    if words:
        st.caption(f"{len(found):,} of {format_count(len(rows), 'entry', 'entries')}")
    # A list shows texts as they are, where a table of Markdown would not.
    st.dataframe(
        found,
        hide_index=True,
        width="stretch",
        height=_ROW_PX * (min(len(found), _MOST_ROWS) + 1) + 3,
        column_config={name: st.column_config.TextColumn(width=width) for name, width in _WIDTHS.items()},
    )


page_head("Log")
case = require_case()
try:
    log, earlier = services().cases.read_log(case.key), services().cases.earlier_log(case.key)
except StoreError as fault:
    st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
    st.stop()
show_state(log, len(earlier))
if rows := table_rows(log, earlier):
    show_table(case, rows)
elif not log.fault:
    st.info("**Nothing was done in this case yet.** What you do is listed here.", icon=":material/history:")
