"""Safeguards of files in messages: that they are there, are what they are, and never stand in the way."""

from tests.campaigns.mutants.mutant import Edit, Mutant, without
from tests.campaigns.mutants.where import ADMIT, AUTH

_ROUTES = "tests/server/routes/test_attachments.py"
_SCENARIO = "tests/turn/scenarios/test_attached_files.py"
_FILES = "tests/turn/test_files.py"

ATTACHED: tuple[Mutant, ...] = (
    without(
        "a file is not stored before its message",
        "the blob of a file that was sent",
        Edit(
            "duragent.session.attachments",
            "    await store.put_blob(session.claim, attachment.sha256, data)\n",
            "",
        ),
        f"{_ROUTES}::test_a_file_is_stored_and_given_back",
    ),
    without(
        "a message may name any file",
        "the look at each file that a message names",
        Edit(
            "duragent.session.session", "            case Message(attachments=(_, *_)):\n", "            case None:\n"
        ),
        f"{_ROUTES}::test_a_file_that_was_not_stored_is_refused_and_the_session_goes_on",
        f"{_ROUTES}::test_the_server_judges_type_and_size_itself",
    ),
    without(
        "copies of a session lack the files of messages",
        "the blobs of messages among those of a record",
        Edit(
            "duragent.journal.record",
            "            return (file.sha256 for file in event.attachments)\n",
            "            return ()\n",
        ),
        f"{_SCENARIO}::test_a_fork_an_export_and_an_import_have_the_files",
        "tests/journal/test_record.py::test_blobs_of_a_line_are_its_long_texts_its_output_and_what_files_were",
    ),
    without(
        "a page from a session is shown by the browser",
        "Content-Disposition: attachment for all that is no image",
        Edit("duragent.server.routes.attachments", "    inline = media_type in IMAGES\n", "    inline = True\n"),
        f"{_ROUTES}::test_what_is_no_image_is_a_download",
    ),
    without(
        "a file may have any size",
        "the bound of a file that is sent",
        Edit(
            AUTH,
            '            limit, expected = self._bounds.attachment_max_bytes, b""\n',
            '            limit, expected = 1 << 40, b""\n',
        ),
        f"{_ROUTES}::test_a_file_that_is_too_large_is_refused",
    ),
    without(
        "another file under the same key counts as the same message",
        "the files in what tells two requests apart",
        Edit(ADMIT, "    if isinstance(posted, Message) and posted.attachments:\n", "    if False:\n"),
        f"{_ROUTES}::test_a_message_that_is_sent_again_counts_once",
    ),
    without(
        "one bad image stops a session for good",
        "that files which a provider refused are not sent to it again",
        Edit("duragent.turn.files", "            if record.seq > refused\n", "            if record.seq > 0\n"),
        f"{_FILES}::test_what_the_provider_refused_is_not_sent_to_it_again",
    ),
    without(
        "a large image of the past fails every turn",
        "that only the message of the running turn may fail for its image",
        Edit(
            "duragent.turn.files",
            "isinstance(record.event, MessageReceived) and record.seq >= self.asked.trigger:",
            "isinstance(record.event, MessageReceived):",
        ),
        f"{_FILES}::test_an_image_that_cannot_be_made_smaller_fails_the_turn_that_it_was_sent_for_and_no_other",
        f"{_SCENARIO}::test_a_turn_with_an_image_that_is_too_large_fails_in_words_and_the_session_goes_on",
    ),
    without(
        "a guess about images changes how text is counted",
        "that requests with files are left out of the measure",
        Edit("duragent.context.tokens", "self.guessed = True\n", "self.guessed = False\n"),
        "tests/context/test_tokens.py::test_what_files_cost_does_not_change_how_text_is_counted",
    ),
    without(
        "a screen that changes counts as a circle",
        "the files of a result in what tells two results apart",
        Edit(
            "duragent.turn.tool_run",
            '"\\n".join([content, *(file.sha256 for file in files)])',
            "content",
        ),
        f"{_SCENARIO}::test_results_with_other_images_are_other_results",
    ),
)
