"""What maps are worth: agreement with the truth, and faithfulness to the model."""
