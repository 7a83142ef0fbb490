# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What :mod:`asv_bench.compare.page` says above its tables, of columns and rows."""

INTRODUCTION = """\
.. This page is written by a command, see its last section. Edit that, not this.

.. _results:

=======
Results
=======

What was measured, ours beside what else could be used, all at their defaults unless it
says otherwise. Every figure is the mean over the seeds, with the standard deviation
where there are several. Seconds depend on the machine and on what else it does: the
last section tells what it was. *umap-unseeded* and *pacmap-unseeded* are these methods
without a seed, their default: with one UMAP takes one thread, and PaCMAP a slower way.

No fit sees labels. But our defaults were found by trying, and what was looked at were
scores on digits, MNIST and Fashion-MNIST: those who compare methods should weigh the
other sets more.
"""

EMBEDDING = """\
Rows are embedded in the plane, unsupervised. *Linear SVM* and *10-NN* are accuracies
of classifiers on the embedding, 10-fold; *k-means* the accuracy of clusters, matched
with the classes, and *NMI* their normalised mutual information; *trustworthiness*
and *continuity* at 15 neighbours; *Spearman* the rank correlation of the distances
of random pairs. Past 10,000 rows the embedding is judged on a stratified subsample.
The best of each of these columns is bold. *Peak MiB* is memory beside the rows, and
*compilation s* what is compiled before the fit is timed; a dash says that there is
none, or that an older row had not measured it. *opentsne* is t-SNE by openTSNE.

*seconds x umap* and *CPU seconds x umap* are those of a method over UMAP's: less than 1
is quicker. CPU seconds are compared for fits on one thread where other work disturbed
any of them, for it makes a fit wait; their seconds are for orientation only. Fits on
two threads are compared by seconds.

DLME gets the raw matrix, the others what their documentation begins with (pixels over
255). Parametric UMAP is not among them: that of umap-learn needs TensorFlow and Keras.
The commands print such tables at the end, and ``python -m asv_bench.compare.report``
prints those of any files of rows, as ``asv_bench/measured/embedding.jsonl``."""

TRANSFORM = """\
Fitted on the part that the set's authors call the training part. *Loss* is what an
accuracy is lower for new rows than for fitted ones; rates are of requests of so many
rows, which are repeated where there are fewer. *x umap-unseeded* is the rate over
UMAP's: more is better."""

IN_SHORT = """\
From the rows of this page. *5:1/6*: ahead on five of six data sets (or sizes, or
spaces), behind on one; else level, within a standard deviation of the seeds or, of one
seed each, within a fiftieth. Under ahead or behind is what holds on half of the sets,
and the opposite on fewer."""

RANKS = """\
Means over the sets that {methods} have all embedded: {sets}. *Mean of these* is over
the four scores before it; where it is as close as between the first {n_close}, nobody
is ahead."""

CLUSTERING = """\
As many clusters as classes. *ACC* is the accuracy of clusters that are matched with
classes, *NMI* and *ARI* their normalised mutual information and adjusted Rand index.
*CRA* is the share of the clusters' mutual ranks that the space of the method keeps, 1
for those that cluster in the input itself; *trust*, *continuity* and the relative rank
error *RRE* (less is better), of 3 to 7 neighbours, compare that space with the input.
Where *split* has a number, so many first rows were fitted, and *ACC new* is the
accuracy for the others. *start CPU s* is the part of *fit CPU s* in which DCRL finds
the clusters that it starts from. ``/image`` says that DCRL was told the images' shape.

*dcrl* is DCRL, *dcrl-wide* DCRL with the wide network of its paper. *idec* and *dec*
are DCRL with the weights of these papers, and start with k-means on the rows;
*idec-start* has DCRL's start. *clustpy-idec*, *clustpy-dec* and *clustpy-dcn* are
ClustPy's, at its defaults. *k-means*, *mixture* (Gaussian mixture) and *spectral*
(spectral clustering) are scikit-learn's, on the rows. *umap* and *dlme* are k-means on
the map of UMAP and of DLME, and *umap-hdbscan* is HDBSCAN on that of UMAP, which finds
their number itself; what UMAP compiles on its first call is not in *fit CPU s*. How
many seeds there are is in the table."""

ISOMETRY = """\
*surfaces*: *distortion* is the deviation of the lengths of decoded edges, of mean 1, on
2,000 points; *floor* that of the azimuthal equidistant map of the open sphere, which no
map of it is much better than; *rank correlation* is that of distances in the plane with
those along the surface, and *held-out error* the error of the reconstruction of further
points, relative to the spread of the data. *rings*: *variation* is the deviation over
the mean of the steps between consecutive views of an object of COIL-20, which turn it
by five degrees each; less is better. *reconstruction*: the squared error of test images
of MNIST at 16 components, pixels from 0 to 1. *inverse*: new points are mapped to the
plane and back, and the error is relative to the spread of the data. A *plain
autoencoder* is IsometricAE without its terms of isometry. *seconds* are those of the
fit."""

TOPOLOGY = """\
*right* counts the seeds with all Betti numbers right over Z/2 and Z/3, from 3,000
points. *Trained charts* are the nerve of AtlasAE's charts; *soft cover, untrained*,
that of the cover which its training starts from, with prototypes by k-means; with
*random start* prototypes are random rows. *Vietoris-Rips* is ripser's, on 200 of the
points. *noise* is that of each of 100 columns, relative to the root mean square radius;
where there is noise, all see data that were denoised. The projective plane is that in 4
or in 6 columns. *CPU s* is a median."""

GROWTH = """\
Time and memory of fits of drawn data, twenty bent clusters of eight dimensions, on
one thread; compilation is not counted. *power* is that of the number of rows which
they grow with: 1 is proportional. UMAP compares all pairs up to 4,096 rows and takes
more epochs up to 10,000, so that its powers say little: compare 16,000 rows with
64,000. A fit that took more than twelve minutes was ended."""

SPEED = """\
CPU seconds of one process in which what is compared takes turns. *epochs*: ours and
those of a loop of plain torch, with the same network, in single precision (ours is in
bfloat16 where the processor multiplies matrices in it); *idec*: ours and those of
ClustPy's IDEC; *step*: a training step of DLME, and nothing but its matrix products;
*profile*: a step of each method, the seconds of a fit that are not training, and the
shares of groups of torch's operators; *row*: ``transform`` of one row, and the network
alone, on one row and on a block of rows; *import*: a line of Python in a new process
(*alone*), and in one that has imported ``sklearn.base`` (*beyond*). *ratio* is ours
over the other; for *step*, the operations a second of a step over those of its products
alone."""

SCALING = """\
DLME fitted by one process and by two that torchrun joins, each on one thread; the
networks are the default and one of two hidden layers of 2,048 units. *Speed-up* is that
of the rows of training a second, and says little where other work had the cores; *CPU
ms/step* is what a step takes of each process; *GFLOP* and *MB* what it computes in the
networks and sends, by the arithmetic of the guide to data beyond the memory."""

TARGETS = """\
What we want to reach, from the figures of this page. A *moonshot* is what would be more
than enough."""

PAGE_WRITES = """\
which rewrites the results in the README as well. What other files of rows hold is shown
by ``python -m asv_bench.compare.report FILE`` (the first commands of this page, whose
file is ``comparison.jsonl`` unless ``--out`` says otherwise) and by the other commands
with ``--table``."""

PEERS = """\
The peers come with the extra ``bench``, but for ClustPy and lightly. Both ask for
torchvision, and lightly for Lightning and Hydra, which the comparison does without:"""

CHARTS = """\
First the dimension of known spaces from 3,000 points: T1 to T4 are flat tori, S2 and S3
spheres of so many dimensions. *atlas* is that of the atlas autoencoders of
:func:`~skmanifold.atlas.estimate_dimension`, with as many charts as *n_charts* says, or
else its default; *right* is the share of seeds in which it is the truth. *TwoNN* and
*MLE* (maximum likelihood) are from distances of neighbours, and are right if they round
to the truth. Next the error of AtlasAE's reconstruction of new points, relative to the
spread of the data: its root mean square, and the mean square.

Then the recall of the ten nearest neighbours among vectors that are stored in *n_bytes*
bytes: by AtlasAE, as a chart and coordinates of eight bits; as principal components of
eight bits; or as the product codes of faiss, *PQ*, and *OPQ*, which rotates first.

Last the overlap of 15 charts of MNIST. *of the ten* is the chance that a linear
classifier takes a digit of one chart for a digit of the other, for the ten pairs of
charts that overlap most; *of all* is that of all pairs, and *ratio* the first over the
second: more than 1 says that charts overlap where digits look alike."""

CONTRAST = """\
The first table has the accuracy of one affine classifier a chart for held-out rows.
*rows* are those to train on; *n_neighbors* is from how many neighbours views are taken,
0 for views of the sample alone; *k* is the number of charts and *n_components* that of
their coordinates. SimCLR is the same network with one chart: with its head, a
multilayer perceptron (*mlp head*) or that of the paper (*paper head*), or with the loss
of the package lightly. *dead charts* have less than a tenth of their fair mass, and
*largest q* is the mean largest membership: 1 says that each sample has one chart.

The second table has the recall of the nearest neighbours (*R@1*: the nearest, *R@8*:
one of eight) among classes that were not seen in training, by the distances of soft or
of hard charts, *k* of them with *d* coordinates. *Untrained* charts have the random
weights that training begins with: soft ones carry many numbers, which random features
use well. A *unit sphere* is a flat triplet loss with the same network, *the same
without regularisation* the one chart of 64 coordinates without it, and *pixels* no
network."""
