"""What is outside of a workspace: safe reading, private folders, descriptors, the errors of the system in words."""
