# %% [markdown]
# # An ablation of your own, in a minute
#
# Does a small network of tanh units learn the digits faster with batch normalization? The page
# `examples/own_ablation.py` says what is compared, and by which rule. Here it is run on the embedded 8x8 digits: no
# images are fetched, and nothing is decided about real ones. Results go into a folder that is thrown away.

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import cnn_study
from cnn_study import collection

places = (Path("examples/own_ablation.py"), Path("../own_ablation.py"))
page = next(place for place in places if place.is_file())
folder = tempfile.TemporaryDirectory()
print(page.read_text(encoding="utf-8").partition("@ablation")[0])

# %% [markdown]
# ## The rule, before the results

# %%
(experiment,) = collection.load([str(page)])
design = experiment.at("smoke")
for rule in design.rules:
    print(rule.sentence)
for arm in design.arms:
    print(arm.label)

# %% [markdown]
# ## Train
#
# Every arm first searches for its learning rate, then runs with several seeds. Given again for
# the same folder of results, the command trains only what is missing.

# %%
run = ("run", str(page), "--profile", "smoke", "--results", folder.name, "--no-tracking", "--quiet")
told = subprocess.run([sys.executable, "-m", "cnn_study.cli", *run], capture_output=True, text=True, check=True)
print(*told.stdout.splitlines()[-12:], sep="\n")

# %% [markdown]
# ## What came out

# %%
results = cnn_study.load("smoke", results=folder.name, files=[str(page)])
mine = results.estimates[results.estimates.experiment == experiment.name]
mine[["condition", "estimate", "low", "high", "verdict", "reason"]]

# %%
replicates = results.runs[(results.runs.experiment == experiment.name) & (results.runs.role == "replicate")]
curves = results.curves[results.curves.metric == "train_error"].merge(replicates[["key", "label"]], on="key")

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for number, (label, runs) in enumerate(curves.groupby("label")):
    for place, (_, one) in enumerate(runs.groupby("key")):
        ax.plot(one.epoch, one.value, color=f"C{number}", linewidth=1, label=label if place == 0 else None)
ax.axhline(0.25, color="0.7", linewidth=1)
ax.set(xlabel="epoch", ylabel="training error", ylim=(0, 1), title="digits, every seed")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# Change the page, for example `TARGET` or the layers, and run the notebook again: it trains anew, in
# a folder of its own.

# %%
folder.cleanup()
