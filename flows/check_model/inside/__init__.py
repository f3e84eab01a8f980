"""What runs inside the pods of evaluation Jobs, beside the tool: bringing its materials, taking out its reports."""
