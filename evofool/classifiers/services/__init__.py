"""Models behind a service or a program: `http://HOST/PATH#OPTIONS`, `cmd:PROGRAM#OPTIONS`.

A service is asked in JSON, `{"images": [PNG in base64, ...]}`, and answers with labels and scores
of each image, of all classes or of the likeliest few. Images may be paid for: every reply is kept,
and no image is asked about twice.
"""

from evofool.classifiers.services.asking import QueryBudgetError
from evofool.classifiers.services.service import load_service

__all__ = ["QueryBudgetError", "load_service"]
