"""Gallery: a row per person, the similarity threshold, and the user's decisions."""

from pages.parts.gallery.empty_states import session_or_hint, show_models_and_settings
from pages.parts.gallery.gallery import delete_person_panel, gallery
from pages.parts.gallery.moment import show_moment
from pages.parts.gallery.whatif import matching_panel, retrack_panel
from pages.parts.shell.open_case import require_case
from pages.parts.shell.page_head import page_head

page_head("Gallery")
case = require_case()
session = session_or_hint(case)
if session is not None:
    gallery(case, session)
    retrack_panel(case)
    matching_panel(case)
    delete_person_panel(case, session)
    show_models_and_settings(session.out)
    show_moment(case, session)
