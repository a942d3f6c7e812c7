# %% [markdown]
# # A first tour: load, plot, explain
#
# The results that came with the project, as data frames. Nothing is trained, and TensorFlow is not loaded.
# `cnn-study export` writes the same tables as CSV files.

# %%
import matplotlib.pyplot as plt

import cnn_study
from cnn_study import codebook

results = cnn_study.load("quick")
{name: len(getattr(results, name)) for name in codebook.TABLES}

# %% [markdown]
# ## What was claimed, and what came out
#
# A row an aspect of a claim. `adjusted_p` is corrected for all tests together.

# %%
directions = results.verdicts[results.verdicts.aspect == "direction"]
directions.verdict.value_counts()

# %%
claim = "pooling-is-needed"
results.verdicts[results.verdicts.claim == claim][["aspect", "verdict", "adjusted_p", "reason"]]

# %% [markdown]
# ## Why?
#
# A verdict follows from rules. Each holds an interval against a range: between `supported_above` and `supported_below`
# the claim is supported.

# %%
rules = results.estimates[results.estimates.claim == claim]
rules[["condition", "estimate", "low", "high", "unit", "supported_above", "supported_below", "verdict"]]

# %% [markdown]
# ## The runs below
#
# Replicates are the runs that are compared, one a seed, at the learning rate that the search has chosen.

# %%
replicates = results.runs[(results.runs.experiment == "pooling") & (results.runs.role == "replicate")]
replicates.groupby(["condition", "label"]).test_error.agg(["mean", "std", "count"])

# %% [markdown]
# Their curves are joined by `key`. Errors are fractions.

# %%
condition = rules.condition.iloc[0]
mine = replicates[replicates.condition == condition]
curves = results.curves[results.curves.metric == "train_error"].merge(mine[["key", "label", "seed"]], on="key")

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for number, (label, runs) in enumerate(curves.groupby("label")):
    for place, (_, run) in enumerate(runs.groupby("key")):
        ax.plot(run.epoch, run.value, color=f"C{number}", linewidth=1, label=label if place == 0 else None)
ax.set(xlabel="epoch", ylabel="training error", ylim=(0, None), title=condition)
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What probes measure
#
# A row a value, with the probe that measured it. Units are in the codebook.

# %%
results.probes.groupby("probe").metric.nunique()

# %%
for name in ("test_error", "saturated_end", "gradient_slope_end"):
    column = codebook.outcome_column(name)
    print(f"{column.name} ({column.unit}): {column.meaning}")
