"""Files that TensorFlow Serving reads beside the graph: settings, sizes, warm-up.

In EXPORT_DIR, for all models there, kept up to date by every export:

    models.config              which models and versions, and their labels
    batching_parameters.txt    how requests are joined to batches
    monitoring.config          metrics for Prometheus
    server.env                 the memory that the server needs

In a version's directory, made anew for each:

    batching_params.pbtxt                     batches of this model
    assets.extra/tf_serving_warmup_requests   requests that the server runs first
"""
