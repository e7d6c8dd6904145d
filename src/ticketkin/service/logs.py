"""The log of a service: what happened and where in the code, never what a ticket says."""

import logging
import traceback


class WithoutTexts(logging.Filter):
    """Replaces an error's message by its kind and place: a message may quote what it could not read."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, an error without its message."""
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            places = traceback.extract_tb(error.__traceback__)
            where = f"{places[-1].filename}:{places[-1].lineno}" if places else "an unknown place"
            record.msg, record.args = f"{type(error).__name__} at {where}; its message is not logged", ()
            record.exc_info = record.exc_text = None
        return True


def keep_texts_out() -> None:
    """Let the server log no error's message."""
    for name in ("uvicorn.error", "asyncio", "psycopg.pool"):
        logger = logging.getLogger(name)
        if not any(isinstance(one, WithoutTexts) for one in logger.filters):
            logger.addFilter(WithoutTexts())
