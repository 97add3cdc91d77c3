"""Learn the forms of questions anew, after an example, a form or the reading of words has changed.

python -m orchestration.agent.learning
"""

from orchestration.agent.asking.learnt import LEARNT
from orchestration.agent.learning.examples import (
    hash_texts,
    list_examples,
    list_texts,
)
from orchestration.agent.learning.fitting import fit

if __name__ == "__main__":
    texts = list_texts()
    model = fit(list(list_examples(texts)), hash_texts(texts))
    model.save(LEARNT)
    print(
        f"{LEARNT.name}: {len(texts)} examples, {len(model.kinds)} kinds, {len(model.regression.pieces)} pieces,"
        f" {LEARNT.stat().st_size:,} bytes"
    )
